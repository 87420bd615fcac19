#pragma once
/// How large an IP packet towards another node may be: what is certain of it, and what is hearsay.

#include <cstdint>
#include <optional>

#include <weft/net/ip.hpp>
#include <weft/result.hpp>

namespace weft::overlay {

/// Sizes of IP packets, bytes.
struct RouteMtu {
  /// Of the interface, or less when the route was configured with an MTU. Nothing that arrives from
  /// the network changes it.
  std::uint32_t limit = 0;
  /// What the kernel's cache of path MTUs says, which anybody can lower with one forged ICMP
  /// message: worth a probe, and nothing else. `limit` when the cache is silent.
  std::uint32_t reported = 0;

  bool operator==(const RouteMtu&) const = default;
};

/// Asks for the route from `from` to `to`. Any thread; does not wait for the network.
/// Errors: the kernel's: ENETUNREACH without a route, EINVAL when `from` is not a local address.
/// Source: Linux net/ipv4/route.c, inet_rtm_getroute; RTM_F_FIB_MATCH asks for the route as
/// configured, without what was cached for the destination.
[[nodiscard]] Result<RouteMtu> query_route_mtu(const net::IpAddress& to,
                                               const std::optional<net::IpAddress>& from);

/// Has the kernel forget every path MTU that it was told of over IPv4, in the network namespace of
/// the calling thread: what is true it is told again. For traffic that the kernel sends by itself,
/// and which no socket option keeps from believing them. Errors: the kernel's: EROFS, EACCES where
/// net.ipv4.route.flush cannot be written.
[[nodiscard]] Result<> forget_reported_mtus();

}  // namespace weft::overlay
