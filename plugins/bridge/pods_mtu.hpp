#pragma once
/// The MTU of pods on a node whose configuration leaves it open.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <weft/net/ip.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

#include "common/attachment/attachment.hpp"

namespace weft::bridge {

inline constexpr std::uint32_t smallest_mtu = cni::smallest_pod_mtu;
inline constexpr std::uint32_t largest_mtu = 65485;

struct PodsMtu {
  std::uint32_t mtu = 0;
  std::string reason;  ///< for people: "the underlay eth0 carries 1500"

  bool operator==(const PodsMtu&) const = default;
};

/// The MTU of `bridge` when pods are on it already: they keep theirs, and must not be sent more.
/// Otherwise what the underlay carries once an overlay has added its `overhead` (0: none runs yet).
/// The underlay is where the default route leads, with all its next hops and the MTU it was given,
/// or without one, every network that is routed to but the pods'. `own_ports` of the bridge are no
/// pods. `socket`: NETLINK_ROUTE. Errors: the kernel's.
[[nodiscard]] Result<PodsMtu> find_pods_mtu(nl::Socket& socket, std::string_view bridge,
                                            std::initializer_list<std::string_view> own_ports,
                                            std::uint32_t overhead);

/// What the routes to `peers` carry, once an overlay has added its `overhead`: the least of them,
/// as the kernel would send to each now. Nothing when no route leads to any of them. Any thread;
/// does not wait for the network.
[[nodiscard]] std::optional<PodsMtu> mtu_of_routes_to(std::span<const net::IpAddress> peers,
                                                      std::uint32_t overhead);

}  // namespace weft::bridge
