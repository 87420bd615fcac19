#pragma once
/// Sends the overlay's own frames: heartbeats and tests. Used on the overlay's loop.

#include <cstdint>
#include <span>

#include <weft/bytes.hpp>
#include <weft/net/peer_name.hpp>

#include "counters.hpp"
#include "crypto.hpp"
#include "peer.hpp"
#include "udp_socket.hpp"

namespace weft::sleeve {

/// Sends from sockets of its own: no peer whose send buffer is full keeps its heartbeats.
class SpecialSender {
 public:
  /// `sockets`: what open_udp_sender opened, of `family`.
  SpecialSender(PeerName self, Counters& counters, int family, Sockets sockets);

  /// Sends a heartbeat for `uid`, or `frame_bytes` zeros. Answers 0 or the errno.
  [[nodiscard]] int send_heartbeat(const Peer& peer, const Destination& to, std::uint64_t uid);
  [[nodiscard]] int send_zeros(const Peer& peer, const Destination& to, DfClass df_class,
                               std::size_t frame_bytes);

  /// AF_INET or AF_INET6, for making a Destination.
  [[nodiscard]] int family() const noexcept { return family_; }

 private:
  /// Sends the record whose frame of `frame_bytes` is already in place.
  [[nodiscard]] int send(const Peer& peer, const Destination& to, DfClass df_class,
                         std::size_t frame_bytes);
  [[nodiscard]] std::span<std::byte> frame(const Peer& peer, std::size_t bytes);

  PeerName self_;
  Counters& counters_;
  Sockets sockets_;
  int family_;
  Bytes buffer_;
};

}  // namespace weft::sleeve
