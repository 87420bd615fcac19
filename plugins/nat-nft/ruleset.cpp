/// Builds the NAT and forwarding rules for a set of exposed networks.

#include "ruleset.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

namespace weft::nat {
namespace {

net::Cidr multicast() {
  return {net::IpAddress::v4(0xE0000000), 4};
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
  if (intent.translation == Translation::masquerade) {
    table.chains.push_back(postrouting(intent));
  }
  return table;
}

}  // namespace weft::nat
