#pragma once
/// The network below an overlay, as its loop sees it.

#include <cstdint>

#include <weft/overlay/udp_socket.hpp>

namespace weft::overlay {

/// Where an overlay listens and sends. Used on the loop.
class Underlay {
 public:
  /// The UDP port that peers send to.
  [[nodiscard]] virtual std::uint16_t port() const noexcept = 0;
  [[nodiscard]] virtual Destination destination(const net::Endpoint& to) const = 0;
  /// Sends one datagram. What does not fit into the socket's queue is lost, as on the way.
  virtual void send(const Destination& to, ByteView octets) noexcept = 0;
  /// Bytes of the largest IP packet that the kernel thinks arrives there. Errors: the kernel's.
  [[nodiscard]] virtual Result<std::uint32_t> path_mtu(const net::Endpoint& to) const = 0;

 protected:
  ~Underlay() = default;
};

}  // namespace weft::overlay
