#pragma once
/// Watches the wire between a lab's nodes for pings inside VXLAN, and for what is encrypted.

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

/// One ESP packet on its way between two nodes.
struct EspPacket {
  std::string from;  ///< the node that sent it, by its IPv4 address
  std::string to;
  std::size_t octets = 0;  ///< without the IPv4 header
};

/// Reads an Ethernet frame with IPv4 and ESP; nothing when it is anything else. Pure.
/// Source: RFC 4303 section 2.
[[nodiscard]] std::optional<EspPacket> parse_esp(std::span<const std::byte> frame);

/// The node over which packets of so many octets went, `count` times from one node to it and as
/// often from it to the other; empty when one of them went otherwise. Those of the way back may be
/// among them. Pure.
[[nodiscard]] std::optional<std::string> relay_between(std::span<const EspPacket> packets,
                                                       const std::string& from,
                                                       const std::string& to, std::size_t octets,
                                                       std::size_t count);

struct Captured {
  std::vector<TunnelledPing> pings;
  std::vector<EspPacket> encrypted;
};

/// Sees every frame that leaves an interface of a network namespace, from `start` on. On the
/// namespace of the bridge between the nodes: each datagram that reached its receiver, once.
class Capture {
 public:
  /// `netns`: a name as in `ip netns`. Errors: those of NamespaceScope and of the packet socket.
  [[nodiscard]] static Result<Capture> start(const std::string& netns);

  /// What was seen since the last call, in order. Does not block. Errors: ENOBUFS when frames were
  /// lost, as only complete captures say something.
  [[nodiscard]] Result<Captured> read();

 private:
  explicit Capture(UniqueFd socket) : socket_(std::move(socket)) {}

  UniqueFd socket_;
};

}  // namespace weft::lab
