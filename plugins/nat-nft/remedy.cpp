/// Writes rules of the tool that made the chain.

#include "remedy.hpp"

#include <linux/netfilter.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace weft::nat {
namespace {

constexpr std::string_view firewalld_table = "inet firewalld";
// What the ports of pods' bridges are named. Source: weaveworks/weave net/veth.go.
constexpr std::string_view ports_prefix = "vethwe";

bool is_iptables(const std::string& table) {
  for (const std::string_view name : {"filter", "mangle", "raw", "security"}) {
    if (table == fmt::format("ip {}", name) || table == fmt::format("iptables-legacy {}", name)) {
      return true;
    }
  }
  return table == "iptables-legacy nat";
}

/// In which a chain's rules can name the pods' bridge.
struct Directions {
  bool in;
  bool out;
};
Directions directions_at(std::uint32_t hook) {
  const bool is_before = hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_IN;
  return {is_before || hook == NF_INET_FORWARD, !is_before};
}

std::string joined_by_semicolon(const std::vector<std::string>& commands) {
  return fmt::format("{}", fmt::join(commands, "; "));
}

/// On top of the base chain; in a chain for NAT just before what drops, for what stands above it
/// is wanted: Kubernetes' services, published ports.
std::string iptables_place(const Finding& finding) {
  if (!finding.base.is_nat) {
    return "-I " + finding.base.name;
  }
  const std::string& place = finding.drop.place;  // "rule 3"
  return place.empty()
             ? "-A " + finding.base.name
             : fmt::format("-I {} {}", finding.drop.chain, place.substr(place.find(' ') + 1));
}

/// The same for nft.
std::string nft_place(const Finding& finding) {
  if (!finding.base.is_nat) {
    return fmt::format("insert rule {} {}", finding.table, finding.base.name);
  }
  return finding.drop.place.empty()
             ? fmt::format("add rule {} {}", finding.table, finding.base.name)
             : fmt::format("insert rule {} {} {}", finding.table, finding.drop.chain,
                           finding.drop.place);
}

/// By iptables' own tool.
std::string iptables_remedy(const Finding& finding, const Scene& scene) {
  const auto space = finding.table.find(' ');
  const std::string tool =
      finding.table.starts_with("ip ") ? "iptables-nft" : finding.table.substr(0, space);
  const auto insert = [&](const char* option, const std::string& value) {
    return fmt::format("{} -t {} {} {} {} -j ACCEPT", tool, finding.table.substr(space + 1),
                       iptables_place(finding), option, value);
  };
  const Directions directions = directions_at(finding.base.hook);
  std::vector<std::string> commands;
  if (directions.in) {
    commands.push_back(insert("-i", scene.bridge));
  }
  if (directions.out) {
    commands.push_back(insert("-o", scene.bridge));
  }
  if (finding.base.hook == NF_INET_POST_ROUTING) {  // where iptables refuses -i
    for (const net::Cidr& network : scene.networks) {
      commands.push_back(insert("-s", to_string(network)));
    }
  }
  return joined_by_semicolon(commands);
}

std::string nft_remedy(const Finding& finding, const std::string& bridge) {
  const bool is_of_bridges = finding.table.starts_with("bridge ");
  const auto insert = [&](const char* direction) {
    const std::string rule = fmt::format("{} {} ", nft_place(finding), direction);
    return is_of_bridges ? fmt::format("nft '{}\"{}*\" accept'", rule, ports_prefix)
                         : fmt::format("nft {}{} accept", rule, bridge);
  };
  const Directions directions = directions_at(finding.base.hook);
  std::vector<std::string> commands;
  if (directions.in || finding.base.hook == NF_INET_POST_ROUTING) {
    commands.push_back(insert("iifname"));
  }
  if (directions.out && !(is_of_bridges && finding.base.hook == NF_INET_FORWARD)) {
    commands.push_back(insert("oifname"));
  }
  return joined_by_semicolon(commands);
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

bool is_of_firewalld(const Finding& finding) {
  return finding.table == firewalld_table && finding.is_wrong();
}

std::string remedy(const Finding& finding, const Scene& scene) {
  if (finding.table == firewalld_table) {
    return firewalld_remedy(finding, scene.bridge);
  }
  return (is_iptables(finding.table) ? iptables_remedy(finding, scene)
                                     : nft_remedy(finding, scene.bridge)) +
         "; and where these rules are loaded from, for the next boot";
}

}  // namespace weft::nat
