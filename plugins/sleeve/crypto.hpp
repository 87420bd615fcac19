#pragma once
/// Encryption of datagrams: NaCl secretbox under the connection's session key, in place.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/net/peer_name.hpp>
#include <weft/service/overlay.hpp>

#include "datagram.hpp"
#include "replay_window.hpp"

namespace weft::sleeve {

/// Whether the network may fragment a datagram. Each has its own socket and sequence numbers.
enum class Space : std::uint8_t { may_fragment, dont_fragment };
inline constexpr std::size_t space_count = 2;

/// Encrypts what this node sends to one peer. Any thread; the sequence numbers are atomics.
class Sealer {
 public:
  /// `is_outbound`: this node dialled the TCP connection.
  Sealer(const SessionKey& key, PeerName sender, bool is_outbound);
  ~Sealer();
  Sealer(const Sealer&) = delete;
  Sealer& operator=(const Sealer&) = delete;

  /// `packet` is sealed_header_bytes of room followed by clear records. Fills the header with the
  /// space's next sequence number and encrypts the records in place.
  void seal(Space space, std::span<std::byte> packet) noexcept;

 private:
  SessionKey key_;
  PeerName sender_;
  bool is_outbound_;
  std::atomic<std::uint64_t> next_[space_count] = {};
};

/// Decrypts what this node receives from one peer. Any lane.
class Opener {
 public:
  enum class Outcome : std::uint8_t { opened, too_short, forged, replayed, busy };

  Opener(const SessionKey& key, bool is_outbound);
  ~Opener();
  Opener(const Opener&) = delete;
  Opener& operator=(const Opener&) = delete;

  /// Decrypts the records of a whole datagram in place; after `opened` they start at
  /// sealed_header_bytes. State changes only after authentication.
  [[nodiscard]] Outcome open(std::span<std::byte> packet) noexcept;

 private:
  SessionKey key_;
  bool is_outbound_;
  ReplayWindow windows_[space_count];
};

}  // namespace weft::sleeve
