#pragma once
/// Unicast routes of the main table over rtnetlink (a NETLINK_ROUTE socket).

#include <cstdint>
#include <optional>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

namespace weft::nl {

struct Route {
  net::Cidr destination = {};  ///< network; prefix length 0 is the default route
  int link = 0;                ///< outgoing interface; 0: the kernel finds it from the gateway
  std::optional<net::IpAddress> gateway = {};
  std::optional<net::IpAddress> source = {};  ///< preferred source address
  bool is_link_scope = false;                 ///< destinations are on the link: no gateway

  bool operator==(const Route&) const = default;
};

/// A route with what the kernel chooses by.
struct RankedRoute {
  Route route;
  std::uint32_t metric = 0;  ///< of routes to one destination, the lowest counts
  std::uint32_t mtu = 0;     ///< that the route was given, bytes; 0: none
};

/// Succeeds when the same destination is routed already in the same way. Errors: EEXIST when in
/// another way, ENETUNREACH when the gateway is not on a link.
[[nodiscard]] Result<> add_route(Socket& socket, const Route& route);
/// Succeeds when there is none.
[[nodiscard]] Result<> delete_route(Socket& socket, const Route& route);
/// One family, main table. A route with several next hops is as many routes.
[[nodiscard]] Result<std::vector<Route>> list_routes(Socket& socket, net::Family family);
[[nodiscard]] Result<std::vector<RankedRoute>> list_ranked_routes(Socket& socket,
                                                                  net::Family family);

}  // namespace weft::nl
