/// Adds, deletes and lists routes of the main table.

#include <weft/netlink/route.hpp>

#include <algorithm>
#include <cstring>
#include <iterator>

#include <fmt/core.h>
#include <linux/rtnetlink.h>

#include "rtnl.hpp"

namespace weft::nl {
namespace {

Message route_message(std::uint16_t type, std::uint16_t flags, const Route& route) {
  Message message{type, static_cast<std::uint16_t>(NLM_F_ACK | flags)};
  const net::Cidr destination = route.destination.network();
  auto& info = message.extra_header<rtmsg>();
  info.rtm_family = kernel_family(destination.address);
  info.rtm_dst_len = destination.prefix_length;
  info.rtm_table = RT_TABLE_MAIN;
  if (type == RTM_NEWROUTE) {
    info.rtm_protocol = RTPROT_BOOT;  // as `ip route add` does, which then lists nothing extra
    info.rtm_type = RTN_UNICAST;
    info.rtm_scope = route.is_link_scope ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  } else {
    info.rtm_scope = RT_SCOPE_NOWHERE;  // any
  }
  if (destination.prefix_length != 0) {
    message.put(RTA_DST, destination.address.bytes());
  }
  if (route.link != 0) {
    message.put_number(RTA_OIF, route.link);
  }
  if (route.gateway) {
    message.put(RTA_GATEWAY, route.gateway->bytes());
  }
  if (route.source) {
    message.put(RTA_PREFSRC, route.source->bytes());
  }
  return message;
}

std::uint32_t read_mtu(ByteView metrics) {
  AttributeReader attributes{metrics};
  while (const auto attribute = attributes.next()) {
    if (attribute->type == RTAX_MTU) {
      return attribute->number<std::uint32_t>().value_or(0);
    }
  }
  return 0;
}

/// `ranked` by each of its next hops.
std::vector<RankedRoute> spread(const RankedRoute& ranked, ByteView hops) {
  std::vector<RankedRoute> routes;
  rtnexthop hop{};
  while (hops.size() >= sizeof hop) {
    std::memcpy(&hop, hops.data(), sizeof hop);
    const std::size_t length = hop.rtnh_len;
    if (length < sizeof hop || length > hops.size()) {
      break;
    }
    Route& one = routes.emplace_back(ranked).route;
    one.link = hop.rtnh_ifindex;
    AttributeReader attributes{hops.subspan(sizeof hop, length - sizeof hop)};
    while (const auto attribute = attributes.next()) {
      if (attribute->type == RTA_GATEWAY) {
        one.gateway = read_ip(attribute->value);
      }
    }
    hops = hops.subspan(std::min<std::size_t>(RTNH_ALIGN(length), hops.size()));
  }
  return routes;
}

std::vector<RankedRoute> parse_routes(const nlmsghdr& message) {
  const auto* const info = extra_header<rtmsg>(message);
  if (info == nullptr || info->rtm_table != RT_TABLE_MAIN || info->rtm_type != RTN_UNICAST) {
    return {};
  }
  RankedRoute ranked;
  Route& route = ranked.route;
  ByteView hops;
  route.destination.address.family =
      info->rtm_family == AF_INET ? net::Family::v4 : net::Family::v6;
  route.destination.prefix_length = info->rtm_dst_len;
  route.is_link_scope = info->rtm_scope == RT_SCOPE_LINK;
  AttributeReader attributes{message, sizeof(rtmsg)};
  while (const auto attribute = attributes.next()) {
    switch (attribute->type) {
      case RTA_DST:
        route.destination.address = read_ip(attribute->value);
        break;
      case RTA_OIF:
        route.link = attribute->number<int>().value_or(0);
        break;
      case RTA_GATEWAY:
        route.gateway = read_ip(attribute->value);
        break;
      case RTA_PREFSRC:
        route.source = read_ip(attribute->value);
        break;
      case RTA_PRIORITY:
        ranked.metric = attribute->number<std::uint32_t>().value_or(0);
        break;
      case RTA_METRICS:
        ranked.mtu = read_mtu(attribute->value);
        break;
      case RTA_MULTIPATH:
        hops = attribute->value;
        break;
      default:
        break;
    }
  }
  return hops.empty() ? std::vector{ranked} : spread(ranked, hops);
}

std::string describe(const Route& route) {
  return fmt::format("{}{} on interface {}", to_string(route.destination),
                     route.gateway ? " via " + to_string(*route.gateway) : "", route.link);
}

/// Whether `existing` already does what `wanted` asks; what `wanted` leaves open matches anything.
bool fulfils(const Route& existing, const Route& wanted) {
  return existing.destination == wanted.destination.network() &&
         (wanted.link == 0 || existing.link == wanted.link) && existing.gateway == wanted.gateway &&
         (!wanted.source || existing.source == wanted.source);
}

}  // namespace

Result<> add_route(Socket& socket, const Route& route) {
  Message message = route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
  auto answer = socket.request(message, fmt::format("add route {}", describe(route)));
  if (answer || answer.error().code != std::errc::file_exists) {
    return answer;
  }
  std::vector<Route> existing;
  WEFT_TRY(existing, list_routes(socket, route.destination.address.family));
  if (std::ranges::any_of(existing, [&](const Route& each) { return fulfils(each, route); })) {
    return {};
  }
  return answer;
}

Result<> delete_route(Socket& socket, const Route& route) {
  Message message = route_message(RTM_DELROUTE, 0, route);
  auto answer = socket.request(message, fmt::format("delete route {}", describe(route)));
  if (!answer && answer.error().code == std::errc::no_such_process) {
    return {};
  }
  return answer;
}

Result<std::vector<Route>> list_routes(Socket& socket, net::Family family) {
  std::vector<RankedRoute> ranked;
  WEFT_TRY(ranked, list_ranked_routes(socket, family));
  std::vector<Route> routes;
  std::ranges::transform(ranked, std::back_inserter(routes), &RankedRoute::route);
  return routes;
}

Result<std::vector<RankedRoute>> list_ranked_routes(Socket& socket, net::Family family) {
  Message message{RTM_GETROUTE, NLM_F_DUMP};
  message.extra_header<rtmsg>().rtm_family = family == net::Family::v4 ? AF_INET : AF_INET6;
  std::vector<RankedRoute> routes;
  WEFT_TRY(socket.query(
      message,
      [&](const nlmsghdr& each) {
        std::ranges::move(parse_routes(each), std::back_inserter(routes));
      },
      "list routes"));
  return routes;
}

}  // namespace weft::nl
