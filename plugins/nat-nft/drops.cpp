/// Judges every base chain with every kind of packet, and says it for people.

#include "drops.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>

#include <algorithm>

#include <fmt/core.h>

namespace weft::nat {
namespace {

using firewall::BaseChain;
using firewall::Kind;
using firewall::Table;

constexpr std::string_view firewalld_table = "inet firewalld";
// What the ports of pods' bridges are named. Source: weaveworks/weave net/veth.go.
constexpr std::string_view ports_prefix = "vethwe";
constexpr const char* port_of_pod = "vethwepl";

/// Frames between pods pass a bridge; what goes elsewhere is routed.
bool meets(Traffic traffic, const Table& table, const BaseChain& base, const Scene& scene) {
  if (!table.is_of_bridges) {
    return traffic != Traffic::pods_to_pods || scene.iptables_see_bridged;
  }
  switch (base.hook) {
    case NF_INET_PRE_ROUTING:
      return traffic == Traffic::pods_to_pods || traffic == Traffic::pods_to_outside;
    case NF_INET_FORWARD:
      return traffic == Traffic::pods_to_pods;
    default:
      return traffic != Traffic::pods_to_outside;
  }
}

/// What of a packet is known where `base` sees it.
Kind as_seen_by(const Table& table, const BaseChain& base, Kind kind) {
  if (table.is_of_bridges) {
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

bool is_iptables(const std::string& table) {
  for (const std::string_view name : {"filter", "mangle", "raw", "security"}) {
    if (table == fmt::format("ip {}", name) || table == fmt::format("iptables-legacy {}", name)) {
      return true;
    }
  }
  return false;
}

/// By iptables' own tool, on top of the base chain.
std::string iptables_remedy(const Finding& finding, const std::string& bridge) {
  const auto space = finding.table.find(' ');
  const std::string tool =
      finding.table.starts_with("ip ") ? "iptables-nft" : finding.table.substr(0, space);
  const auto insert = [&](const char* direction) {
    return fmt::format("{} -t {} -I {} {} {} -j ACCEPT", tool, finding.table.substr(space + 1),
                       finding.base.name, direction, bridge);
  };
  // iptables refuses -o where packets have no way out yet.
  const std::string in = insert("-i");
  return finding.base.hook == NF_INET_PRE_ROUTING ? in : in + "; " + insert("-o");
}

std::string nft_remedy(const Finding& finding, const std::string& bridge) {
  if (finding.table.starts_with("bridge ")) {
    return fmt::format("nft 'insert rule {} {} iifname \"{}*\" accept'", finding.table,
                       finding.base.name, ports_prefix);
  }
  const auto insert = [&](const char* direction) {
    return fmt::format("nft insert rule {} {} {} {} accept", finding.table, finding.base.name,
                       direction, bridge);
  };
  const std::string in = insert("iifname");
  return finding.base.hook == NF_INET_PRE_ROUTING ? in : in + "; " + insert("oifname");
}

std::string firewalld_remedy(const Finding& finding, const std::string& bridge) {
  if (finding.traffic == std::set{Traffic::outside_to_pods}) {
    return "firewall-cmd --permanent --new-policy weft-in; "
           "firewall-cmd --permanent --policy weft-in --set-target ACCEPT; "
           "firewall-cmd --permanent --policy weft-in --add-ingress-zone ANY; "
           "firewall-cmd --permanent --policy weft-in --add-egress-zone trusted; "
           "firewall-cmd --reload";
  }
  return fmt::format(
      "firewall-cmd --permanent --zone=trusted --change-interface={}; firewall-cmd --reload",
      bridge);
}

}  // namespace

bool Finding::is_wrong() const {
  return !drop.is_about_pods && traffic != std::set{Traffic::outside_to_pods};
}

bool is_of_firewalld(const Finding& finding) {
  return finding.table == firewalld_table && finding.is_wrong();
}

std::vector<Dropped> drops_of(const Table& table, const BaseChain& base, const Scene& scene) {
  std::vector<Dropped> drops;
  const firewall::Pods pods = pods_of(scene);
  for (const Traffic traffic : all_traffic) {
    if (!meets(traffic, table, base, scene)) {
      continue;
    }
    for (const net::Cidr& network : scene.networks) {
      for (const std::uint8_t protocol : tested_protocols) {
        const Kind kind = kind_of(traffic, protocol, network, scene);
        if (auto drop = judge(table, base, as_seen_by(table, base, kind), pods)) {
          drops.push_back({traffic, protocol, *std::move(drop)});
        }
      }
    }
  }
  return drops;
}

std::vector<Finding> find_drops(const std::vector<Table>& tables, const Scene& scene) {
  std::vector<Finding> findings;
  for (const Table& table : tables) {
    for (const BaseChain& base : table.base_chains) {
      for (const Dropped& dropped : drops_of(table, base, scene)) {
        auto known = std::ranges::find_if(findings, [&](const Finding& finding) {
          return finding.table == table.name && finding.base == base &&
                 finding.drop == dropped.drop;
        });
        if (known == findings.end()) {
          findings.push_back({table.name, base, dropped.drop, {}, {}});
          known = std::prev(findings.end());
        }
        known->traffic.insert(dropped.traffic);
        known->protocols.insert(dropped.protocol);
      }
    }
  }
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
  return fmt::format("{} {} {}{}", who, drop.is_reject ? "rejects" : "drops", joined(what),
                     protocols);
}

std::string remedy(const Finding& finding, const Scene& scene) {
  if (finding.table == firewalld_table) {
    return firewalld_remedy(finding, scene.bridge);
  }
  return (is_iptables(finding.table) ? iptables_remedy(finding, scene.bridge)
                                     : nft_remedy(finding, scene.bridge)) +
         "; and where these rules are loaded from, for the next boot";
}

}  // namespace weft::nat
