/// Builds the NAT and forwarding rules for a set of exposed networks.

#include "ruleset.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

#include <utility>

namespace weft::nat {
namespace {

net::Cidr multicast() {
  return {net::IpAddress::v4(0xE0000000), 4};
}

net::Cidr multicast_and_broadcast() {
  return {net::IpAddress::v4(0xE0000000), 3};
}

void append_masquerade(std::vector<Rule>& rules, const net::Cidr& network) {
  const AddressIn from_inside{Side::source, network};
  const AddressIn to_inside{Side::destination, network};
  const AddressIn from_outside{Side::source, network, /*is_negated=*/true};
  const AddressIn to_outside{Side::destination, network, /*is_negated=*/true};

  rules.push_back(
      {{from_inside, AddressIn{Side::destination, multicast()}, Count{}, Verdict::return_}, {}});
  rules.push_back({{from_outside, to_inside, Count{}, Masquerade{}}, {}});
  rules.push_back({{from_inside, to_outside, Count{}, Masquerade{}}, {}});
}

FieldsInSet is_in(std::string_view set) {
  return {{nft::Field::destination_address}, std::string(set)};
}

Chain postrouting(const Intent& intent) {
  Chain chain{"postrouting", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC + 1, {}};
  chain.rules.push_back({{is_in(local_set), Count{}, Verdict::return_},
                         "Prevent SNAT to locally running containers"});
  for (const net::Cidr& network : intent.exposed) {
    append_masquerade(chain.rules, network);
  }
  return chain;
}

/// Before other programs' forward chains, so that a drop of ours would be final.
Chain forward(const Intent& intent) {
  const Interface from_pods{Direction::in, intent.bridge};
  const Interface to_pods{Direction::out, intent.bridge};
  const Interface to_outside{Direction::out, intent.bridge, /*is_negated=*/true};

  Chain chain{"forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER - 5, {}};
  chain.rules = {
      {{from_pods, to_pods, Count{}, Verdict::accept}, {}},
      {{from_pods, to_outside, Count{}, Verdict::accept}, {}},
      {{to_pods, IsReply{}, Count{}, Verdict::accept}, {}},
      {{to_pods, is_in(exposed_set), Count{}, Verdict::accept}, {}},
  };
  return chain;
}

// Before it, br_netfilter ends the second of the two ways through prerouting that a frame of a
// bridge takes when it is for this node. Source: Linux br_netfilter_hooks.c, ip_sabotage_in.
constexpr std::int32_t first_priority = NF_IP_PRI_FIRST + 1;

/// The rules of a counting chain. All decide nothing.
std::vector<Rule> counting_rules(const CountingChain& chain, const std::string& bridge) {
  const Interface from_bridge{Direction::in, bridge};
  const Interface to_bridge{Direction::out, bridge};
  const Interface from_elsewhere{Direction::in, bridge, /*is_negated=*/true};
  const Interface to_elsewhere{Direction::out, bridge, /*is_negated=*/true};
  const FieldsInSet from_pod{{nft::Field::source_address}, std::string(exposed_set)};
  const FieldsInSet to_pod = is_in(exposed_set);
  const FieldsInSet to_no_pod{to_pod.fields, to_pod.set, /*is_negated=*/true};
  const AddressIn to_one{Side::destination, multicast_and_broadcast(), /*is_negated=*/true};
  const auto count = [](std::vector<Statement> when, std::string_view comment) {
    when.emplace_back(Count{});
    return Rule{std::move(when), std::string(comment)};
  };
  const Rule outward = count({from_bridge, to_elsewhere, from_pod}, counted::pods_to_outside);
  const Rule inward =
      count({to_bridge, from_elsewhere, to_pod, IsReply{}}, counted::answers_to_pods);
  const Rule among = count({from_bridge, to_bridge, from_pod}, counted::pods_to_pods);
  const Rule translated = count({from_bridge, to_bridge, from_pod, IsDestinationTranslated{}},
                                counted::translated_to_pods);
  const Rule answers = count({from_bridge, from_pod, IsReply{}}, counted::answers_to_node);
  const Rule elsewhere =
      count({from_bridge, from_pod, to_no_pod, to_one}, counted::pods_to_outside);
  const Rule redirected =
      count({from_bridge, from_pod, to_pod, IsDestinationTranslated{}}, counted::pods_to_outside);
  switch (chain.hook) {
    case NF_INET_PRE_ROUTING:
      return {elsewhere};
    case NF_INET_LOCAL_IN:
      return chain.is_first ? std::vector{elsewhere, redirected, answers} : std::vector{answers};
    case NF_INET_FORWARD:
      return chain.is_first ? std::vector{outward, among, translated, inward}
                            : std::vector{outward, among, inward};
    case NF_INET_LOCAL_OUT:
      return {count({to_bridge, to_pod}, counted::to_pods)};
    default:  // where the source is translated already
      return {count({from_bridge, to_elsewhere}, counted::pods_to_outside),
              count({to_bridge, to_pod}, counted::to_pods)};
  }
}

}  // namespace

Set destination_set(std::string_view name, const std::vector<Interval>& addresses) {
  return {std::string(name),
          {nft::Field::destination_address},
          nft::elements_of(addresses),
          /*has_ranges=*/true};
}

Table weave_table(const Intent& intent) {
  Table table{std::string(table_name),
              {destination_set(local_set, merge(intent.local_ranges)),
               destination_set(exposed_set, merge(intent.exposed))},
              {forward(intent)}};
  for (const CountingChain& chain : counting_chains) {
    table.chains.push_back({std::string(chain.name), "filter", chain.hook,
                            chain.is_first ? first_priority : NF_IP_PRI_LAST,
                            counting_rules(chain, intent.bridge)});
  }
  if (intent.translation == Translation::masquerade) {
    table.chains.push_back(postrouting(intent));
  }
  return table;
}

}  // namespace weft::nat
