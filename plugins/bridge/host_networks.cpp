/// Reads the host's networks, and compares them with the pods'.

#include "host_networks.hpp"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>

#include <fmt/core.h>

#include <weft/netlink/link.hpp>
#include <weft/netlink/message.hpp>
#include <weft/netlink/route.hpp>

#include "routing_policy.hpp"

namespace weft::bridge {
namespace {

constexpr std::size_t most_proposals = 3;

/// Private, in the order in which they are proposed. Sources: RFC 1918; RFC 6598.
std::array<net::Cidr, 4> private_space() {
  using net::IpAddress;
  return {{{IpAddress::v4(0x0A000000), 8},
           {IpAddress::v4(0xAC100000), 12},
           {IpAddress::v4(0xC0A80000), 16},
           {IpAddress::v4(0x64400000), 10}}};
}

bool holds(const net::Cidr& outer, const net::Cidr& inner) {
  return outer.prefix_length <= inner.prefix_length && outer.contains(inner.address);
}

std::uint64_t first_of(const net::Cidr& network) {
  return network.network().address.v4_value();
}

std::uint64_t end_of(const net::Cidr& network) {
  return first_of(network) + (std::uint64_t{1} << (32U - network.prefix_length));
}

/// Where to go on behind what `candidate` overlaps with; nothing when it is free.
std::optional<std::uint64_t> end_of_overlap(const HostNetworks& host, const net::Cidr& candidate) {
  std::optional<std::uint64_t> end;
  for (const auto& network : host.networks) {
    if (network.destination.overlaps(candidate)) {
      end = std::max(end.value_or(0), end_of(network.destination));
    }
  }
  for (const auto& machine : host.machines) {
    if (candidate.contains(machine.address)) {
      end = std::max(end.value_or(0), std::uint64_t{machine.address.v4_value()} + 1);
    }
  }
  return end;
}

/// Adds what is free of [from, to) to `found`. Both are multiples of the size of `pods`.
void propose(const HostNetworks& host, const net::Cidr& pods, std::uint64_t from, std::uint64_t to,
             std::vector<net::Cidr>& found) {
  const std::uint64_t size = std::uint64_t{1} << (32U - pods.prefix_length);
  for (std::uint64_t at = from; at + size <= to && found.size() < most_proposals;) {
    const net::Cidr candidate{net::IpAddress::v4(static_cast<std::uint32_t>(at)),
                              pods.prefix_length};
    if (const auto end = end_of_overlap(host, candidate)) {
      at = std::max(at + size, (*end + size - 1) / size * size);
    } else {
      found.push_back(candidate);
      at += size;
    }
  }
}

std::string name_of(const std::map<int, std::string>& links, int link) {
  const auto found = links.find(link);
  return found != links.end() ? found->second : fmt::format("interface {}", link);
}

Result<std::map<int, std::string>> link_names(nl::Socket& socket) {
  std::vector<nl::Link> links;
  WEFT_TRY(links, nl::list_links(socket));
  std::map<int, std::string> names;
  for (nl::Link& link : links) {
    names.emplace(link.index, std::move(link.name));
  }
  return names;
}

std::optional<net::IpAddress> own_address(const nlmsghdr& message, net::Family family) {
  std::optional<net::IpAddress> own;
  nl::AttributeReader attributes{message, sizeof(ifaddrmsg)};
  while (const auto attribute = attributes.next()) {
    // Of a point-to-point link IFA_ADDRESS is the other end's.
    const bool is_own = attribute->type == IFA_LOCAL || (attribute->type == IFA_ADDRESS && !own);
    net::IpAddress address{family, {}};
    if (is_own && attribute->value.size() == address.bytes().size()) {
      std::ranges::copy(attribute->value, address.octets.begin());
      own = address;
    }
  }
  return own;
}

Result<> add_own_addresses(nl::Socket& socket, int bridge, net::Family family,
                           const std::map<int, std::string>& links, HostNetworks& host) {
  nl::Message message{RTM_GETADDR, NLM_F_DUMP};
  message.extra_header<ifaddrmsg>().ifa_family = family == net::Family::v4 ? AF_INET : AF_INET6;
  return socket.query(
      message,
      [&](const nlmsghdr& each) {
        const auto* const info = nl::extra_header<ifaddrmsg>(each);
        if (info == nullptr || info->ifa_index == static_cast<std::uint32_t>(bridge)) {
          return;
        }
        if (const auto own = own_address(each, family)) {
          const std::string link = name_of(links, static_cast<int>(info->ifa_index));
          host.machines.insert({*own, "this node's own on " + link});
          const net::Cidr network = net::Cidr{*own, info->ifa_prefixlen}.network();
          host.links.insert({network, "the network of " + link});
        }
      },
      "list this node's addresses");
}

/// Tables besides main that rules send packets to. Those of VRFs are named by no rule.
Result<std::set<std::uint32_t>> ruled_tables(nl::Socket& socket, net::Family family) {
  std::vector<Rule> rules;
  WEFT_TRY(rules, list_rules(socket, family));
  std::set<std::uint32_t> tables;
  for (const Rule& rule : rules) {
    if (rule.action == FR_ACT_TO_TBL) {
      tables.insert(rule.table);
    }
  }
  for (const std::uint32_t other : {RT_TABLE_UNSPEC, RT_TABLE_MAIN, RT_TABLE_LOCAL}) {
    tables.erase(other);
  }
  return tables;
}

std::string_view what_becomes_of(unsigned char route_type) {
  switch (route_type) {
    case RTN_BLACKHOLE:
      return "a blackhole route";
    case RTN_UNREACHABLE:
    case RTN_PROHIBIT:
      return "a route that refuses packets";
    default:
      return {};
  }
}

/// Whether an address that `route` makes local is none of the interfaces': "AnyIP".
bool is_any_ip(const TableRoute& route, const HostNetworks& host) {
  if (route.table != RT_TABLE_LOCAL || route.type != RTN_LOCAL) {
    return false;
  }
  const auto own = host.machines.lower_bound({route.destination.address, {}});
  return own == host.machines.end() || own->address != route.destination.address;
}

/// The routes that a list of the main table's ways leaves out.
Result<> add_special_routes(nl::Socket& socket, int bridge, net::Family family,
                            const std::map<int, std::string>& links, HostNetworks& host) {
  std::set<std::uint32_t> tables;
  WEFT_TRY(tables, ruled_tables(socket, family));
  return each_route(socket, family, [&](const TableRoute& route) {
    const bool is_main = route.table == RT_TABLE_MAIN;
    if (route.destination.prefix_length == 0 || route.link == bridge) {
      return;
    }
    if (is_any_ip(route, host)) {
      host.networks.insert({route.destination, "this node's own by a local route"});
    }
    if (!is_main && !tables.contains(route.table)) {
      return;
    }
    const std::string_view fate = what_becomes_of(route.type);
    if (!fate.empty()) {
      host.networks.insert({route.destination, std::string(fate)});
    } else if (!is_main && route.type == RTN_UNICAST) {
      host.networks.insert(
          {route.destination,
           fmt::format("routed{} by routing table {}",
                       route.link == 0 ? "" : " to " + name_of(links, route.link), route.table)});
    }
  });
}

}  // namespace

std::vector<net::IpAddress> parse_resolvers(std::string_view text) {
  constexpr std::string_view keyword = "nameserver";
  constexpr std::string_view blanks = " \t\r";
  std::vector<net::IpAddress> resolvers;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    if (!line.starts_with(keyword)) {
      continue;
    }
    line.remove_prefix(keyword.size());
    const std::size_t begin = line.find_first_not_of(blanks);
    if (begin == 0 || begin == line.npos) {
      continue;
    }
    line.remove_prefix(begin);
    line = line.substr(0, line.find_first_of(" \t\r%"));
    if (const auto address = net::parse_ip(line)) {
      resolvers.push_back(*address);
    }
  }
  return resolvers;
}

Result<HostNetworks> read_host_networks(nl::Socket& socket, int bridge, net::Family family,
                                        const std::vector<std::string>& resolvers) {
  HostNetworks host;
  std::map<int, std::string> names;
  WEFT_TRY(names, link_names(socket));
  WEFT_TRY(add_own_addresses(socket, bridge, family, names, host));
  std::vector<nl::Route> routes;
  WEFT_TRY(routes, nl::list_routes(socket, family));
  for (const nl::Route& route : routes) {
    if (route.link == bridge) {
      continue;
    }
    const std::string link = name_of(names, route.link);
    if (route.gateway && route.gateway->family == family) {
      host.machines.insert({*route.gateway, "a gateway behind " + link});
    }
    if (route.destination.prefix_length != 0) {
      host.networks.insert(
          {route.destination, route.gateway ? "routed by " + link : "a network of " + link});
    }
  }
  WEFT_TRY(add_special_routes(socket, bridge, family, names, host));
  for (const std::string& path : resolvers) {
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    for (const net::IpAddress& resolver : parse_resolvers(text)) {
      if (resolver.family == family) {
        host.machines.insert({resolver, "a resolver"});
      }
    }
  }
  return host;
}

std::vector<std::string> find_collisions(const HostNetworks& host, const net::Cidr& pods) {
  std::vector<std::string> found;
  for (const auto& network : host.networks) {
    if (holds(pods, network.destination)) {
      found.push_back(fmt::format("{}, {}", to_string(network.destination), network.name));
    }
  }
  for (const auto& network : host.links) {
    if (holds(network.destination, pods) && !holds(pods, network.destination)) {
      found.push_back(
          fmt::format("{}, {}, around it", to_string(network.destination), network.name));
    }
  }
  for (const auto& machine : host.machines) {
    if (pods.contains(machine.address)) {
      found.push_back(fmt::format("{}, {}", to_string(machine.address), machine.name));
    }
  }
  return found;
}

std::vector<net::Cidr> free_networks(const HostNetworks& host, const net::Cidr& pods) {
  std::vector<net::Cidr> found;
  if (!pods.address.is_v4()) {
    return found;
  }
  const net::Cidr network = pods.network();
  for (const net::Cidr& space : private_space()) {
    if (holds(space, network)) {
      propose(host, network, end_of(network), end_of(space), found);
    }
  }
  for (const net::Cidr& space : private_space()) {
    if (space.prefix_length > network.prefix_length) {
      continue;
    }
    const std::uint64_t end = holds(space, network) ? first_of(network) : end_of(space);
    propose(host, network, first_of(space), end, found);
  }
  return found;
}

}  // namespace weft::bridge
