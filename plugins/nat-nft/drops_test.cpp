/// What is said about packet filters that drop pods' traffic.

#include "drops.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>

#include <gtest/gtest.h>

namespace weft::nat {
namespace {

using firewall::BaseChain;
using firewall::Rule;
using firewall::Table;
using firewall::Verdict;

Scene scene(bool iptables_see_bridged = true) {
  return {"weave",
          {net::parse_cidr("10.32.0.0/12").value(), net::parse_cidr("192.168.4.0/24").value()},
          "eth0",
          iptables_see_bridged};
}

Table table(std::string name, std::uint32_t hook, bool drops, std::vector<Rule> rules = {}) {
  const bool is_of_bridges = name.starts_with("bridge");
  return {std::move(name),
          is_of_bridges,
          {{"forward", hook, 0, drops}},
          {{"forward", std::move(rules)}}};
}

TEST(Drops, APolicyIsOneFindingForAllTraffic) {
  const auto findings = find_drops({table("inet filter", NF_INET_FORWARD, true)}, scene());

  ASSERT_EQ(findings.size(), 1u);
  EXPECT_TRUE(findings[0].is_wrong());
  EXPECT_EQ(
      describe(findings[0]),
      "the policy of 'inet filter forward' drops what pods send to each other, what pods send "
      "to the outside, the answers and what the outside sends to pods");
  EXPECT_EQ(remedy(findings[0], scene()),
            "nft insert rule inet filter forward iifname weave accept; nft insert rule inet filter "
            "forward oifname weave accept; and where these rules are loaded from, for the next "
            "boot");
}

TEST(Drops, BridgedTrafficMeetsIptablesOnlyWhereTheKernelSaysSo) {
  const auto findings = find_drops({table("inet filter", NF_INET_FORWARD, true)}, scene(false));

  EXPECT_FALSE(findings.at(0).traffic.contains(Traffic::pods_to_pods));
  EXPECT_TRUE(findings.at(0).traffic.contains(Traffic::pods_to_outside));
}

TEST(Drops, AnAcceptForEachNetworkIsAnAcceptForAll) {
  std::vector<Rule> rules;
  for (const auto& network : scene().networks) {
    rules.push_back(
        {{firewall::AddressAmong{nft::Side::destination, nft::merge(std::array{network})}},
         Verdict::accept});
  }
  const auto findings =
      find_drops({table("inet filter", NF_INET_FORWARD, true, std::move(rules))}, scene());

  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].traffic, std::set{Traffic::pods_to_outside});
}

TEST(Drops, ARuleIsNamedWithItsPlaceCommentAndProtocols) {
  const auto findings =
      find_drops({table("ip filter", NF_INET_FORWARD, false,
                        {{{firewall::ProtocolAmong{{IPPROTO_TCP, IPPROTO_UDP}},
                           firewall::InterfaceAmong{nft::Direction::out, {"eth0"}}},
                          Verdict::reject,
                          "",
                          "handle 7",
                          "no egress"}})},
                 scene());

  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(describe(findings[0]),
            "a rule of 'ip filter forward' (handle 7, \"no egress\") rejects what pods send to the "
            "outside by TCP and UDP");
  EXPECT_TRUE(
      remedy(findings[0], scene()).starts_with("iptables-nft -t filter -I forward -i weave"));
}

TEST(Drops, FramesOfBridgesMeetTheirOwnChains) {
  const auto findings = find_drops({table("bridge filter", NF_INET_FORWARD, true)}, scene());

  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].traffic, std::set{Traffic::pods_to_pods});
  EXPECT_TRUE(
      remedy(findings[0], scene())
          .starts_with("nft 'insert rule bridge filter forward iifname \"vethwe*\" accept'"));
}

TEST(Drops, WhatIsMeantForPodsOrComesInUnaskedIsNotWrong) {
  const auto meant = find_drops(
      {table("inet filter", NF_INET_FORWARD, false,
             {{{firewall::InterfaceAmong{nft::Direction::in, {"weave"}}}, Verdict::drop}})},
      scene());
  const auto inbound = find_drops(
      {table("inet filter", NF_INET_FORWARD, false,
             {{{firewall::InterfaceAmong{nft::Direction::in, {"eth0"}}, firewall::StateAmong{8}},
               Verdict::drop}})},
      scene());

  ASSERT_EQ(meant.size(), 1u);
  EXPECT_FALSE(meant[0].is_wrong());
  ASSERT_EQ(inbound.size(), 1u);
  EXPECT_EQ(inbound[0].traffic, std::set{Traffic::outside_to_pods});
  EXPECT_FALSE(inbound[0].is_wrong());
}

TEST(Drops, NothingIsSaidBeforeThereArePods) {
  EXPECT_TRUE(
      find_drops({table("inet filter", NF_INET_FORWARD, true)}, {"weave", {}, {}, true}).empty());
}

}  // namespace
}  // namespace weft::nat
