#pragma once
/// A channel nobody here has joined: its messages are only passed on. Pure.
/// Source: weaveworks/mesh surrogate_gossiper.go.

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <utility>

#include <weft/bytes.hpp>
#include <weft/loop.hpp>
#include <weft/net/peer_name.hpp>

namespace weft::gossip {

/// Recognises gossip that came by recently, so that it does not circle. Digests are kept, not
/// payloads, and a limited number of them: peers choose what they send.
class SurrogateFilter {
 public:
  static constexpr Duration memory = std::chrono::seconds{30};
  static constexpr std::size_t max_remembered = 4096;

  /// Whether `payload` was not seen within `memory`; remembers it.
  [[nodiscard]] bool is_new(ByteView payload, TimePoint now);

 private:
  using Digest = std::array<unsigned char, 16>;
  struct Seen {
    TimePoint when;
    Digest digest;
  };

  void forget_oldest();

  std::deque<Seen> order_;
  std::set<Digest> digests_;
};

/// What came for a channel before its user joined: plugins start one after another, and the peer's
/// first words must not be lost to those that start after us. Bounded; the oldest go first.
class EarlyMessages {
 public:
  static constexpr std::size_t max_bytes = 1U << 20U;
  /// What one costs besides its payload, so that empty ones count, too.
  static constexpr std::size_t overhead_bytes = 64;

  struct Message {
    std::optional<PeerName> originator;  ///< of a broadcast; none: gossip
    Bytes payload;
    PeerName author{};       ///< as the message says
    std::uint64_t over = 0;  ///< the connection that brought it
  };

  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  void add(Message message) {
    bytes_ += message.payload.size() + overhead_bytes;
    messages_.push_back(std::move(message));
    while (bytes_ > max_bytes) {
      bytes_ -= messages_.front().payload.size() + overhead_bytes;
      messages_.pop_front();
    }
  }
  [[nodiscard]] std::deque<Message> take() {
    bytes_ = 0;
    return std::exchange(messages_, {});
  }

 private:
  std::deque<Message> messages_;
  std::size_t bytes_ = 0;
};

}  // namespace weft::gossip
