#pragma once
/// What waits to be sent on one connection. Each channel has one slot for gossip and one for each
/// originator of broadcasts; what comes into an occupied slot is merged with what is there. So a
/// slow connection coalesces and never queues without bound. Pure.
/// Source: weaveworks/mesh gossip.go, gossipSender.

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include <weft/bytes.hpp>
#include <weft/net/peer_name.hpp>

#include "gossip/peers.hpp"

namespace weft::gossip {

/// A slot of one channel: gossip, or broadcasts of one originator.
struct SlotKey {
  std::optional<PeerName> originator{};  ///< none: gossip
  std::optional<PeerName> author{};      ///< of gossip that is passed on unread; none: this node

  auto operator<=>(const SlotKey&) const = default;  // gossip comes first
};

class Outbox {
 public:
  /// Payload octets that one channel may have waiting, and so the longest payload.
  static constexpr std::size_t max_channel_bytes = 1U << 20U;
  /// Of all channels together.
  static constexpr std::size_t max_bytes = 4U << 20U;
  /// What a payload costs besides its octets, so that empty ones count, too.
  static constexpr std::size_t overhead_bytes = 64;

  /// "Everything the channel's user knows", asked for when it can be sent.
  struct CompleteState {};
  /// Topology: these peers, described when they can be sent.
  /// Else a payload that was received or computed for relaying.
  using Content = std::variant<CompleteState, PeerNames, Bytes>;

  struct Item {
    std::string channel;
    SlotKey slot;
    Content content;
  };

  void add_state(const std::string& channel, SlotKey slot);
  void add_peers(const std::string& channel, SlotKey slot, const PeerNames& names);
  /// When too much waits, a channel whose state can be asked for sends that instead; the payloads
  /// are part of it. Without such a user the oldest payload is dropped, or this one when other
  /// channels fill the outbox. Answers whether one was.
  bool add_payload(const std::string& channel, SlotKey slot, Bytes payload, bool has_state);

  /// Of what waits, with overhead.
  [[nodiscard]] std::size_t payload_bytes() const noexcept { return payload_bytes_; }
  [[nodiscard]] bool is_empty() const noexcept { return channels_.empty(); }
  /// The next thing to send: channels take turns, gossip goes before broadcasts.
  [[nodiscard]] std::optional<Item> take();

 private:
  struct Slot {
    bool state = false;
    PeerNames peers;
    std::deque<Bytes> payloads;

    [[nodiscard]] bool is_empty() const noexcept {
      return !state && peers.empty() && payloads.empty();
    }
  };
  struct Channel {
    std::map<SlotKey, Slot> slots;  // none is empty
    std::size_t payload_bytes = 0;
  };

  void drop_oldest(Channel& channel, std::map<SlotKey, Slot>::iterator slot);
  void drop_all(Channel& channel, std::map<SlotKey, Slot>::iterator slot);
  [[nodiscard]] Content take_from(Channel& channel, Slot& slot);
  void count_out(Channel& channel, const Bytes& payload);

  std::map<std::string, Channel> channels_;  // none is empty
  std::size_t payload_bytes_ = 0;            // of all channels
  std::string last_served_;
};

}  // namespace weft::gossip
