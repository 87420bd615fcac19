#pragma once
/// Watches the wire between a lab's nodes for pings inside VXLAN.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <weft/result.hpp>
#include <weft/unique_fd.hpp>

namespace weft::lab {

/// One ICMP echo message on its way between two nodes.
struct TunnelledPing {
  bool is_reply = false;
  unsigned sequence = 0;
  std::string from;  ///< the node that sent the datagram, by its IPv4 address
  std::string to;
  unsigned source_port = 0;
  unsigned port = 0;           ///< the datagram's destination
  std::size_t udp_octets = 0;  ///< the datagram's payload: VXLAN header and frame
};

/// Reads an Ethernet frame with IPv4, UDP, VXLAN, Ethernet, IPv4 and ICMP echo; nothing when it is
/// anything else. Pure. Source: RFC 7348 section 5.
[[nodiscard]] std::optional<TunnelledPing> parse_tunnelled_ping(std::span<const std::byte> frame);

/// Sees every frame that leaves an interface of a network namespace, from `start` on. On the
/// namespace of the bridge between the nodes: each datagram that reached its receiver, once.
class Capture {
 public:
  /// `netns`: a name as in `ip netns`. Errors: those of NamespaceScope and of the packet socket.
  [[nodiscard]] static Result<Capture> start(const std::string& netns);

  /// What was seen since the last call, in order. Does not block. Errors: ENOBUFS when frames were
  /// lost, as only complete captures say something.
  [[nodiscard]] Result<std::vector<TunnelledPing>> pings();

 private:
  explicit Capture(UniqueFd socket) : socket_(std::move(socket)) {}

  UniqueFd socket_;
};

}  // namespace weft::lab
