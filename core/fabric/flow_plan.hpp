#pragma once
/// What becomes of a frame: decided by pure functions, carried out by the dataplane.
/// Source: weaveworks/weave router/network_router.go, handleCapturedPacket, handleForwardedPacket.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include <weft/export.hpp>
#include <weft/net/mac.hpp>
#include <weft/net/peer_name.hpp>

namespace weft::dataplane {

/// Why a frame goes nowhere. The order is that of `drop_reason_names`.
enum class Drop : std::uint8_t {
  none,
  too_short,     ///< no whole Ethernet header
  link_control,  ///< spanning tree: concerns one bridge, not the network
  local,         ///< both ends are on this host: the bridge delivered it
  no_route,      ///< the destination peer cannot be reached
  refused,       ///< every forwarder, or the bridge port, was full
  no_buffer,     ///< the lane's scratch was used up for this poll cycle
  bad_offload,   ///< offload work that contradicts the frame
  no_bridge,     ///< for us, but there is no bridge port
  looped,        ///< our own frame came back: peers disagree about the topology for a moment
};
/// As metrics label them, in the order of Drop.
inline constexpr std::array<std::string_view, 10> drop_reason_names{
    "none",    "too_short", "link_control", "local",     "no_route",
    "refused", "no_buffer", "bad_offload",  "no_bridge", "looped"};

/// A decision as data; equal frames of a flow have equal plans.
struct FlowPlan {
  enum class Spread : std::uint8_t {
    nowhere,
    unicast,    ///< to the next hop towards `destination`
    broadcast,  ///< to every hop of the broadcast route of `origin`
  };

  Drop drop = Drop::none;      ///< not none: nothing else is done
  bool learns_source = false;  ///< the source MAC lives at `origin`
  bool is_delivered = false;   ///< put on the local bridge
  Spread spread = Spread::nowhere;
  PeerName origin{};       ///< the source peer as the overlay names it
  PeerName destination{};  ///< for unicast

  bool operator==(const FlowPlan&) const = default;
};

/// A frame of the local bridge, from `source` to `destination`. `owner`: where the destination was
/// last heard.
[[nodiscard]] WEFT_EXPORT FlowPlan plan_captured(PeerName self, net::Mac destination,
                                                 std::optional<PeerName> owner) noexcept;

/// A frame that an overlay received, from peer `origin` for peer `destination`. `owner`: where its
/// destination MAC was last heard. What only passes through is planned by peer names alone: a relay
/// needs no MACs.
[[nodiscard]] WEFT_EXPORT FlowPlan plan_received(PeerName self, PeerName origin,
                                                 PeerName destination,
                                                 std::optional<PeerName> owner) noexcept;

}  // namespace weft::dataplane
