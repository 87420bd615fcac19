#pragma once
/// What fastdp writes into a VXLAN header, and where a peer's tunnel begins.
/// Source: weaveworks/weave router/fastdp.go.

#include <compare>
#include <cstdint>
#include <optional>

#include <weft/service/overlay.hpp>

namespace weft::fastdp {

/// What the VXLAN header and the outer IPv4 header of a packet say.
struct Tunnel {
  std::uint32_t id = 0;           ///< 24 bits: see tunnel_id
  std::uint32_t source = 0;       ///< IPv4 address, host order
  std::uint32_t destination = 0;  ///< IPv4 address, host order

  auto operator<=>(const Tunnel&) const = default;
};

/// Short ids have 12 bits. Source: weaveworks/mesh peer.go, PeerShortIDBits.
inline constexpr std::uint32_t short_id_bits = 12;
inline constexpr std::uint32_t short_ids = 1U << short_id_bits;

/// The tunnel id of frames from the peer with short id `source` for the one with `destination`.
constexpr std::uint32_t tunnel_id(std::uint16_t source, std::uint16_t destination) noexcept {
  return source | static_cast<std::uint32_t>(destination) << short_id_bits;
}
constexpr std::uint16_t source_of(std::uint32_t tunnel_id) noexcept {
  return static_cast<std::uint16_t>(tunnel_id & (short_ids - 1));
}
constexpr std::uint16_t destination_of(std::uint32_t tunnel_id) noexcept {
  return static_cast<std::uint16_t>(tunnel_id >> short_id_bits & (short_ids - 1));
}

/// What VXLAN over IPv4 can carry, bytes of IP packet.
inline constexpr std::uint32_t max_mtu = 65485;

/// Number that a back end gave what packets of tunnels leave and enter by: a port of its datapath.
using PortNumber = std::uint32_t;

struct TunnelPort {
  PortNumber number = 0;
  std::uint16_t udp_port = 0;
};

/// Where a tunnel's packets leave.
struct TunnelOutput {
  Tunnel tunnel;  ///< but for the id, which is each flow's
  PortNumber port = 0;
  std::uint32_t mtu = UINT32_MAX;  ///< largest IP packet that gets through, bytes
};

/// A back end's way for frames that it does not forward by itself.
class TunnelForwarder : public Forwarder {
 public:
  /// Frames go there from now on; empty: nowhere, and another overlay is tried. On the loop.
  virtual void lead_to(const std::optional<TunnelOutput>& output) = 0;
};

}  // namespace weft::fastdp
