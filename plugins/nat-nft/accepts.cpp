/// Decides which accepts a forward chain of iptables needs, and writes them for each tool.

#include "accepts.hpp"

#include <linux/netfilter/nf_conntrack_common.h>

#include <algorithm>

#include <fmt/core.h>

#include "drops.hpp"

namespace weft::nat {
namespace {

constexpr std::string_view users_chain = accepting_chains[0];
constexpr std::string_view forward_chain = accepting_chains[1];

bool is_ours(const firewall::Rule& rule) {
  return rule.comment.starts_with(accept_comment);
}

/// Traffic that FORWARD drops, though nobody meant pods.
std::set<Traffic> dropped_by(const firewall::Table& table, const Scene& scene) {
  std::set<Traffic> traffic;
  std::set<Traffic> meant;
  for (const firewall::BaseChain& base : table.base_chains) {
    if (base.name == forward_chain) {
      for (const Dropped& dropped : drops_of(table, base, scene)) {
        (dropped.drop.is_about_pods ? meant : traffic).insert(dropped.traffic);
      }
    }
  }
  std::erase_if(traffic, [&](Traffic each) { return meant.contains(each); });
  return traffic;
}

std::string comment_for(Traffic traffic, const std::string& bridge) {
  switch (traffic) {
    case Traffic::pods_to_pods:
      return fmt::format("{}{} to itself", accept_comment, bridge);
    case Traffic::pods_to_outside:
      return fmt::format("{}{} to the outside", accept_comment, bridge);
    default:
      return fmt::format("{}{} gets replies", accept_comment, bridge);
  }
}

}  // namespace

std::vector<Accept> accepts_for(const std::set<Traffic>& traffic, const Scene& scene) {
  std::vector<Accept> accepts;
  for (const Traffic each : traffic) {
    if (each != Traffic::outside_to_pods) {
      accepts.push_back({each, std::nullopt, comment_for(each, scene.bridge)});
      continue;
    }
    for (const net::Cidr& network : scene.networks) {
      accepts.push_back(
          {each, network,
           fmt::format("{}{} exposes {}", accept_comment, scene.bridge, to_string(network))});
    }
  }
  return accepts;
}

nft::Rule as_nft(const Accept& accept, const std::string& bridge) {
  const nft::Interface from_pods{nft::Direction::in, bridge};
  const nft::Interface to_pods{nft::Direction::out, bridge};
  nft::Rule rule{{}, accept.comment};
  switch (accept.traffic) {
    case Traffic::pods_to_pods:
      rule.statements = {from_pods, to_pods};
      break;
    case Traffic::pods_to_outside:
      rule.statements = {from_pods,
                         nft::Interface{nft::Direction::out, bridge, /*is_negated=*/true}};
      break;
    case Traffic::answers_to_pods:
      rule.statements = {to_pods, nft::IsReplyForIptables{}};
      break;
    default:
      rule.statements = {nft::AddressIn{nft::Side::destination, *accept.network}, to_pods};
      break;
  }
  rule.statements.insert(rule.statements.end(), {nft::Count{}, nft::Verdict::accept});
  return rule;
}

std::string as_iptables(const Accept& accept, const std::string& bridge) {
  const auto written = [&](const std::string& conditions) {
    return fmt::format("{} -m comment --comment \"{}\" -j ACCEPT", conditions, accept.comment);
  };
  switch (accept.traffic) {
    case Traffic::pods_to_pods:
      return written(fmt::format("-i {0} -o {0}", bridge));
    case Traffic::pods_to_outside:
      return written(fmt::format("-i {0} ! -o {0}", bridge));
    case Traffic::answers_to_pods:
      return written(fmt::format("-o {} -m conntrack --ctstate RELATED,ESTABLISHED", bridge));
    default:
      break;
  }
  return written(fmt::format("-d {} -o {}", to_string(*accept.network), bridge));
}

firewall::Rule as_rule(const Accept& accept, const std::string& bridge) {
  using firewall::AddressAmong;
  using firewall::InterfaceAmong;
  const InterfaceAmong from_pods{nft::Direction::in, {bridge}};
  const InterfaceAmong to_pods{nft::Direction::out, {bridge}};
  firewall::Rule rule{{}, firewall::Verdict::accept, {}, {}, accept.comment};
  switch (accept.traffic) {
    case Traffic::pods_to_pods:
      rule.conditions = {from_pods, to_pods};
      break;
    case Traffic::pods_to_outside:
      rule.conditions = {from_pods,
                         InterfaceAmong{nft::Direction::out, {bridge}, /*is_negated=*/true}};
      break;
    case Traffic::answers_to_pods:
      rule.conditions = {to_pods, firewall::StateAmong{NF_CT_STATE_BIT(IP_CT_ESTABLISHED) |
                                                       NF_CT_STATE_BIT(IP_CT_RELATED)}};
      break;
    default:
      rule.conditions = {
          AddressAmong{nft::Side::destination, nft::merge(std::array{*accept.network})}, to_pods};
      break;
  }
  return rule;
}

Placement place_accepts(firewall::Table table, Scene scene) {
  // Between subnets of one bridge pods' packets are routed, whatever bridge-nf-call-iptables says.
  scene.iptables_see_bridged = true;
  for (auto& [name, rules] : table.chains) {
    std::erase_if(rules, is_ours);
  }
  Placement placement{{}, accepts_for(dropped_by(table, scene), scene)};
  if (placement.accepts.empty()) {
    return placement;
  }
  const auto users = table.chains.find(std::string(users_chain));
  if (users != table.chains.end()) {
    std::vector<firewall::Rule> on_top;
    for (const Accept& accept : placement.accepts) {
      on_top.push_back(as_rule(accept, scene.bridge));
    }
    users->second.insert(users->second.begin(), on_top.begin(), on_top.end());
    if (dropped_by(table, scene).empty()) {
      placement.chain = users_chain;
      return placement;
    }
  }
  placement.chain = forward_chain;
  return placement;
}

}  // namespace weft::nat
