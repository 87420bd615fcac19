/// Reads the default route, and whether iptables sees what bridges forward.

#include "scene.hpp"

#include <algorithm>
#include <fstream>
#include <utility>

#include <weft/netlink/link.hpp>
#include <weft/netlink/route.hpp>

namespace weft::nat {
namespace {

/// Without br_netfilter there is no such setting.
bool do_iptables_see_bridged() {
  char value = '0';
  std::ifstream("/proc/sys/net/bridge/bridge-nf-call-iptables") >> value;
  return value == '1';
}

}  // namespace

Result<Scene> read_scene(nl::Socket& route, std::string bridge, std::vector<net::Cidr> networks) {
  Scene scene{std::move(bridge), std::move(networks), std::nullopt, do_iptables_see_bridged()};
  std::vector<nl::Route> routes;
  WEFT_TRY(routes, nl::list_routes(route, net::Family::v4));
  const auto found = std::ranges::find_if(routes, [](const nl::Route& each) {
    return each.destination.prefix_length == 0 && each.link != 0;
  });
  if (found != routes.end()) {
    std::optional<nl::Link> link;
    WEFT_TRY(link, nl::find_link(route, found->link));
    if (link) {
      scene.uplink = link->name;
    }
  }
  return scene;
}

}  // namespace weft::nat
