/// Looks at the bridge, at the routes, and at the devices behind them.

#include "pods_mtu.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

#include <fmt/core.h>

#include <weft/netlink/link.hpp>
#include <weft/netlink/route.hpp>

#include <weft/overlay/route_mtu.hpp>

namespace weft::bridge {
namespace {

constexpr std::uint32_t ipv6_extra = 20;  // of the outer header
constexpr std::uint32_t multiple = 4;
constexpr std::uint32_t largest_packet = 65535;  // the loopback interface has a larger MTU
/// Weave Net's, where nothing is known.
constexpr std::uint32_t usual_mtu = 1376;

std::uint32_t fitting(std::uint32_t underlay, net::Family family, std::uint32_t overhead) {
  const std::uint32_t headers = overhead + (family == net::Family::v6 ? ipv6_extra : 0);
  const std::uint32_t room = underlay > headers ? (underlay - headers) / multiple * multiple : 0;
  return std::clamp(room, smallest_mtu, largest_mtu);
}

bool is_link_local(const net::Cidr& network) {
  return !network.address.is_v4() &&
         (load_be<std::uint16_t>(network.address.octets.data()) & 0xFFC0U) == 0xFE80;
}

/// The default routes that the kernel uses, or every route where there is none.
std::vector<nl::RankedRoute> ways_to_peers(std::vector<nl::RankedRoute> routes) {
  std::vector<nl::RankedRoute> defaults;
  std::ranges::copy_if(routes, std::back_inserter(defaults), [](const nl::RankedRoute& each) {
    return each.route.destination.prefix_length == 0;
  });
  if (defaults.empty()) {
    return routes;
  }
  const std::uint32_t best = std::ranges::min(defaults, {}, &nl::RankedRoute::metric).metric;
  std::erase_if(defaults, [best](const nl::RankedRoute& each) { return each.metric != best; });
  return defaults;
}

/// The device of the way that carries least, with what that way carries as its MTU.
Result<std::optional<nl::Link>> find_underlay(nl::Socket& socket, std::string_view bridge,
                                              net::Family family) {
  std::vector<nl::RankedRoute> routes;
  WEFT_TRY(routes, nl::list_ranked_routes(socket, family));
  std::optional<nl::Link> smallest;
  for (const auto& [route, metric, mtu] : ways_to_peers(std::move(routes))) {
    std::optional<nl::Link> link;
    if (route.link != 0 && !is_link_local(route.destination)) {
      WEFT_TRY(link, nl::find_link(socket, route.link));
    }
    if (!link || link->name == bridge) {
      continue;
    }
    link->mtu = mtu != 0 ? std::min(link->mtu, mtu) : link->mtu;
    if (!smallest || link->mtu < smallest->mtu) {
      smallest = std::move(link);
    }
  }
  return smallest;
}

}  // namespace

Result<PodsMtu> find_pods_mtu(nl::Socket& socket, std::string_view bridge,
                              std::initializer_list<std::string_view> own_ports,
                              std::uint32_t overhead) {
  std::optional<nl::Link> found;
  std::vector<nl::Link> links;
  WEFT_TRY(found, nl::find_link(socket, bridge));
  WEFT_TRY(links, nl::list_links(socket));
  const bool has_pods = found && std::ranges::any_of(links, [&](const nl::Link& link) {
                          return link.master == found->index &&
                                 std::ranges::find(own_ports, link.name) == own_ports.end();
                        });
  if (has_pods) {
    return PodsMtu{std::clamp(found->mtu, smallest_mtu, largest_mtu),
                   fmt::format("pods are on {} already", bridge)};
  }
  if (overhead == 0) {
    return PodsMtu{usual_mtu, "no overlay runs yet"};
  }
  for (const net::Family family : {net::Family::v4, net::Family::v6}) {
    std::optional<nl::Link> underlay;
    WEFT_TRY(underlay, find_underlay(socket, bridge, family));
    if (underlay) {
      return PodsMtu{fitting(underlay->mtu, family, overhead),
                     fmt::format("the underlay {} carries {}", underlay->name, underlay->mtu)};
    }
  }
  return PodsMtu{usual_mtu, "no underlay is routed yet"};
}

std::optional<PodsMtu> mtu_of_routes_to(std::span<const net::IpAddress> peers,
                                        std::uint32_t overhead) {
  std::optional<PodsMtu> least;
  for (const net::IpAddress& peer : peers) {
    const auto route = overlay::query_route_mtu(peer, std::nullopt);
    if (!route || route->limit > largest_packet) {  // unreachable for now, or this node itself
      continue;
    }
    const std::uint32_t mtu =
        fitting(route->limit, peer.is_v4() ? net::Family::v4 : net::Family::v6, overhead);
    if (!least || mtu < least->mtu) {
      least = {mtu, fmt::format("the route to {} carries {}", to_string(peer), route->limit)};
    }
  }
  return least;
}

}  // namespace weft::bridge
