/// Judges every base chain with every kind of packet, and says it for people.

#include "drops.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>

#include <algorithm>
#include <iterator>
#include <variant>

#include <fmt/format.h>

namespace weft::nat {
namespace {

using firewall::BaseChain;
using firewall::Kind;
using firewall::Table;

// A port of a bridge with pods. Source: weaveworks/weave net/veth.go.
constexpr const char* port_of_pod = "vethwepl";

constexpr std::string_view arp_prefix = "arp ";
// Of addresses that rules tell apart in a network; more are what lists of single pods have.
constexpr std::size_t most_parts = 16;

bool is_to_pods_from_here(Traffic traffic) {
  return traffic == Traffic::node_to_pods || traffic == Traffic::answers_of_node;
}

bool is_to_node(Traffic traffic) {
  return traffic == Traffic::pods_to_node || traffic == Traffic::answers_to_node;
}

bool is_forwarded(Traffic traffic) {
  return !is_to_node(traffic) && !is_to_pods_from_here(traffic);
}

bool is_routed_to_pods(Traffic traffic) {
  return traffic == Traffic::answers_to_pods || traffic == Traffic::outside_to_pods;
}

/// Frames between pods pass a bridge; what goes elsewhere is routed.
bool is_bridged_at(std::uint32_t hook, Traffic traffic) {
  switch (hook) {
    case NF_INET_PRE_ROUTING:
      return !is_routed_to_pods(traffic) && !is_to_pods_from_here(traffic);
    case NF_INET_LOCAL_IN:
      return traffic == Traffic::pods_to_outside || is_to_node(traffic);
    case NF_INET_FORWARD:
      return traffic == Traffic::pods_to_pods;
    case NF_INET_LOCAL_OUT:
      return is_routed_to_pods(traffic) || is_to_pods_from_here(traffic);
    default:
      return traffic != Traffic::pods_to_outside && !is_to_node(traffic);
  }
}

bool is_packet_at(std::uint32_t hook, Traffic traffic) {
  switch (hook) {
    case NF_INET_PRE_ROUTING:
      return !is_to_pods_from_here(traffic);
    case NF_INET_LOCAL_IN:
      return is_to_node(traffic);
    case NF_INET_FORWARD:
      return is_forwarded(traffic);
    case NF_INET_LOCAL_OUT:
      return is_to_pods_from_here(traffic);
    default:
      return !is_to_node(traffic);
  }
}

/// As connection tracking has it; NAT is decided for the first packet of a connection.
bool is_first(Traffic traffic) {
  return traffic != Traffic::answers_to_pods && traffic != Traffic::answers_to_node &&
         traffic != Traffic::answers_of_node;
}

bool is_arp(const std::string& table) {
  return table.starts_with(arp_prefix);
}

bool meets(Traffic traffic, const Table& table, const BaseChain& base, const Scene& scene) {
  if (is_arp(table.name)) {
    return traffic != Traffic::pods_to_pods;  // who is not resolved gets nothing
  }
  if (table.is_of_bridges) {
    return is_bridged_at(base.hook, traffic);
  }
  return is_packet_at(base.hook, traffic) && (!base.is_nat || is_first(traffic)) &&
         (traffic != Traffic::pods_to_pods || scene.iptables_see_bridged);
}

/// What of a packet is known where `base` sees it.
Kind as_seen_by(const Table& table, const BaseChain& base, Kind kind, const Scene& scene,
                const firewall::Interval& pods) {
  if (is_arp(table.name)) {
    const bool is_in = base.hook == NF_INET_LOCAL_IN;
    kind.in = is_in ? std::optional(scene.bridge) : std::nullopt;
    kind.out = is_in ? std::nullopt : std::optional(scene.bridge);
    kind.sources = kind.destinations = {};
    (is_in ? kind.sources : kind.destinations) = {pods};
  } else if (table.is_of_bridges) {
    kind.in = kind.out = port_of_pod;
  } else if (base.hook == NF_INET_PRE_ROUTING) {
    kind.out.reset();
  }
  return kind;
}

std::string_view name_of(std::uint8_t protocol) {
  switch (protocol) {
    case IPPROTO_TCP:
      return "TCP";
    case IPPROTO_UDP:
      return "UDP";
    default:
      return "ICMP";
  }
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    text += i == 0 ? "" : i + 1 == words.size() ? " and " : ", ";
    text += words[i];
  }
  return text;
}

/// Each network of pods.
std::vector<firewall::Interval> networks_of(const Scene& scene) {
  std::vector<firewall::Interval> networks;
  for (const net::Cidr& network : scene.networks) {
    std::ranges::copy(nft::merge(std::array{network}), std::back_inserter(networks));
  }
  return networks;
}

/// What `base` drops of the pods with these addresses.
std::vector<Dropped> drops_of(const Table& table, const BaseChain& base, const Scene& scene,
                              const firewall::Interval& pods) {
  std::vector<Dropped> drops;
  const firewall::Pods all_pods = pods_of(scene);
  for (const Traffic traffic : all_traffic) {
    if (!meets(traffic, table, base, scene)) {
      continue;
    }
    for (const std::uint8_t protocol : tested_protocols) {
      const Kind kind =
          as_seen_by(table, base, kind_of(traffic, protocol, pods, scene), scene, pods);
      if (auto drop = judge(table, base, kind, all_pods)) {
        drops.push_back({traffic, protocol, *std::move(drop)});
      }
    }
  }
  return drops;
}

/// The parts of `network` that rules of the table tell apart; empty when there are none, or many.
std::vector<firewall::Interval> parts_of(const Table& table, const firewall::Interval& network) {
  std::set<std::uint32_t> starts{network.first};
  const auto cut = [&](std::uint32_t at) {
    if (at > network.first && at <= network.last) {
      starts.insert(at);
    }
  };
  for (const auto& [name, rules] : table.chains) {
    for (const firewall::Rule& rule : rules) {
      for (const firewall::Condition& condition : rule.conditions) {
        const auto* const among = std::get_if<firewall::AddressAmong>(&condition);
        for (std::size_t i = 0; among != nullptr && i < among->addresses.size(); ++i) {
          cut(among->addresses[i].first);
          cut(among->addresses[i].last + 1);
        }
        if (starts.size() > most_parts) {
          return {};
        }
      }
    }
  }
  std::vector<firewall::Interval> parts;
  for (auto start = starts.begin(); starts.size() > 1 && start != starts.end(); ++start) {
    const auto next = std::next(start);
    parts.push_back({*start, next == starts.end() ? network.last : *next - 1});
  }
  return parts;
}

void add(std::vector<Finding>& findings, const Table& table, const BaseChain& base,
         const Dropped& dropped, const std::vector<firewall::Interval>& addresses) {
  auto known = std::ranges::find_if(findings, [&](const Finding& finding) {
    return finding.table == table.name && finding.base == base && finding.drop == dropped.drop &&
           finding.addresses == addresses;
  });
  if (known == findings.end()) {
    findings.push_back({table.name, base, dropped.drop, {}, {}, addresses});
    known = std::prev(findings.end());
  }
  known->traffic.insert(dropped.traffic);
  known->protocols.insert(dropped.protocol);
}

/// What `base` drops of some pods in a network only.
void add_parts(std::vector<Finding>& findings, const Table& table, const BaseChain& base,
               const Scene& scene, const firewall::Interval& network,
               const std::vector<Dropped>& of_all) {
  for (const firewall::Interval& part : parts_of(table, network)) {
    for (const Dropped& dropped : drops_of(table, base, scene, part)) {
      if (std::ranges::none_of(of_all, [&](const Dropped& each) {
            return each.traffic == dropped.traffic && each.protocol == dropped.protocol;
          })) {
        add(findings, table, base, dropped, {part});
      }
    }
  }
}

/// Those that differ in the addresses alone become one.
void merge_parts(std::vector<Finding>& findings) {
  for (auto finding = findings.begin(); finding != findings.end(); ++finding) {
    for (auto other = std::next(finding); other != findings.end();) {
      const bool is_same = !finding->addresses.empty() && !other->addresses.empty() &&
                           finding->table == other->table && finding->base == other->base &&
                           finding->drop == other->drop && finding->traffic == other->traffic &&
                           finding->protocols == other->protocols;
      if (!is_same) {
        ++other;
        continue;
      }
      for (const firewall::Interval& part : other->addresses) {
        firewall::Interval& last = finding->addresses.back();
        if (part.first == last.last + 1) {
          last.last = part.last;
        } else {
          finding->addresses.push_back(part);
        }
      }
      other = findings.erase(other);
    }
  }
}

std::string addresses_of(const Finding& finding) {
  std::vector<std::string> networks;
  for (const firewall::Interval& interval : finding.addresses) {
    for (const net::Cidr& network : nft::prefixes(interval)) {
      networks.push_back(to_string(network));
    }
  }
  return fmt::format("{}", fmt::join(networks, ", "));
}

}  // namespace

bool Finding::is_wrong() const {
  return !drop.is_about_pods && std::ranges::any_of(traffic, [](Traffic each) {
    return each != Traffic::outside_to_pods && each != Traffic::pods_to_node;
  });
}

bool sees_packets(std::string_view table) {
  return !table.starts_with("bridge ") && !table.starts_with(arp_prefix);
}

std::vector<Dropped> drops_of(const Table& table, const BaseChain& base, const Scene& scene) {
  std::vector<Dropped> drops;
  for (const firewall::Interval& network : networks_of(scene)) {
    std::ranges::move(drops_of(table, base, scene, network), std::back_inserter(drops));
  }
  return drops;
}

std::vector<Finding> find_drops(const std::vector<Table>& tables, const Scene& scene) {
  std::vector<Finding> findings;
  for (const Table& table : tables) {
    for (const BaseChain& base : table.base_chains) {
      for (const firewall::Interval& network : networks_of(scene)) {
        const auto of_all = drops_of(table, base, scene, network);
        for (const Dropped& dropped : of_all) {
          add(findings, table, base, dropped, {});
        }
        add_parts(findings, table, base, scene, network, of_all);
      }
    }
  }
  merge_parts(findings);
  return findings;
}

std::string describe(const Finding& finding) {
  const firewall::Drop& drop = finding.drop;
  const std::string where = fmt::format("'{} {}'", finding.table, drop.chain);
  std::string who =
      drop.place.empty()
          ? "the policy of " + where
          : fmt::format("a rule of {} ({}{})", where, drop.place,
                        drop.comment.empty() ? "" : fmt::format(", \"{}\"", drop.comment));
  if (drop.chain != finding.base.name) {
    who += fmt::format(", reached from '{}',", finding.base.name);
  }
  const std::string whose =
      finding.addresses.empty() ? "" : ", of pods with addresses in " + addresses_of(finding);
  if (is_arp(finding.table)) {
    return fmt::format("{} drops ARP, without which pods and this node do not reach each other{}",
                       who, whose);
  }
  std::vector<std::string_view> what;
  for (const Traffic traffic : finding.traffic) {
    what.push_back(phrase_of(traffic));
  }
  std::string protocols;
  if (finding.protocols.size() < tested_protocols.size()) {
    std::vector<std::string_view> names;
    for (const std::uint8_t protocol : finding.protocols) {
      names.push_back(name_of(protocol));
    }
    protocols = fmt::format(" by {}", joined(names));
  }
  return fmt::format("{} {} {}{}{}", who, drop.is_reject ? "rejects" : "drops", joined(what),
                     protocols, whose);
}

}  // namespace weft::nat
