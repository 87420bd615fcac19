/// Compares a pod's interface with what ADD answered.

#include <algorithm>
#include <cerrno>
#include <iterator>

#include <fmt/core.h>

#include <weft/netlink/address.hpp>
#include <weft/netlink/link.hpp>
#include <weft/netlink/route.hpp>

#include "pod_interface.hpp"

namespace weft::cni {
namespace {

bool has_route(const std::vector<nl::Route>& routes, const PodRoute& wanted, int link) {
  return std::ranges::any_of(routes, [&](const nl::Route& route) {
    return route.destination == wanted.destination.network() && route.link == link &&
           route.gateway == wanted.gateway;
  });
}

}  // namespace

Result<Attached> PodInterface::check(const Attachment& wanted, const std::optional<net::Mac>& mac) {
  bool is_there = false;
  WEFT_TRY(is_there, exists());
  if (!is_there) {
    return fail(ENODEV, fmt::format("find interface '{}' in the pod", interface_));
  }
  WEFT_TRY(check_host_end(wanted));
  WEFT_TRY(check_pod_end(wanted, mac));
  return attached(wanted);
}

Result<> PodInterface::check_host_end(const Attachment& wanted) {
  nl::Link bridge;
  WEFT_TRY(bridge, nl::require_link(host_, wanted.bridge));
  const nl::Link& host = port_->link;
  if (host.master != bridge.index) {
    return fail(Errc::invalid, fmt::format("find '{}' on bridge '{}'", host.name, bridge.name));
  }
  if (!host.is_up) {
    return fail(Errc::invalid, fmt::format("use '{}': it is down", host.name));
  }
  return {};
}

Result<> PodInterface::check_pod_end(const Attachment& wanted, const std::optional<net::Mac>& mac) {
  const auto differs = [&](const std::string& what) {
    return fail(Errc::invalid, fmt::format("use interface '{}': {}", interface_, what));
  };
  nl::Link pod;
  WEFT_TRY(pod, nl::require_link(pod_, interface_));
  if (mac && pod.mac != *mac) {
    return differs(fmt::format("its MAC is {}, not {}", to_string(pod.mac), to_string(*mac)));
  }
  if (pod.mtu != wanted.mtu) {
    return differs(fmt::format("its MTU is {}, not {}", pod.mtu, wanted.mtu));
  }
  if (!pod.is_up) {
    return differs("it is down");
  }
  std::vector<net::Cidr> addresses;
  WEFT_TRY(addresses, nl::list_addresses(pod_, pod.index));
  for (const net::Cidr& each : wanted.addresses) {
    if (std::ranges::find(addresses, each) == addresses.end()) {
      return differs(fmt::format("it lacks address {}", to_string(each)));
    }
  }
  std::vector<nl::Route> routes;
  std::vector<nl::Route> of_ipv6;
  WEFT_TRY(routes, nl::list_routes(pod_, net::Family::v4));
  WEFT_TRY(of_ipv6, nl::list_routes(pod_, net::Family::v6));
  std::ranges::move(of_ipv6, std::back_inserter(routes));
  for (const PodRoute& route : wanted.routes) {
    if (!has_route(routes, route, pod.index)) {
      return differs(fmt::format("it lacks the route to {}", to_string(route.destination)));
    }
  }
  return {};
}

}  // namespace weft::cni
