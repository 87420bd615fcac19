/// What is said about packet filters that drop pods' traffic.

#include "drops.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include <algorithm>

#include <gtest/gtest.h>

#include "remedy.hpp"

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

/// Of one table with one chain.
Finding only(const Table& table) {
  const auto findings = find_drops({table}, scene());
  EXPECT_EQ(findings.size(), 1u) << table.name;
  return findings.at(0);
}

TEST(Drops, APartOfThePodsIsNamed) {
  const firewall::AddressAmong half{nft::Side::source, {{0x0A200000, 0x0A27FFFF}}};
  const firewall::AddressAmong pod{nft::Side::source, {{0x0A200005, 0x0A200005}}};

  EXPECT_EQ(describe(only(table("inet filter", NF_INET_FORWARD, false,
                                {{{half}, Verdict::drop, "", "handle 3"}}))),
            "a rule of 'inet filter forward' (handle 3) drops what pods send to each other and "
            "what pods send to the outside, of pods with addresses in 10.32.0.0/13");
  const Finding one =
      only(table("inet filter", NF_INET_FORWARD, false, {{{pod}, Verdict::drop, "", "handle 3"}}));
  EXPECT_TRUE(describe(one).ends_with(", of pods with addresses in 10.32.0.5/32")) << describe(one);
  EXPECT_FALSE(one.is_wrong()) << "somebody meant this pod";
}

TEST(Drops, PodsThatARuleForgetsAreNotMeant) {
  const firewall::AddressAmong others{
      nft::Side::source, {{0x0A200000, 0x0A27FFFF}, {0xC0A80400, 0xC0A804FF}}, /*is_negated=*/true};

  const auto findings = find_drops(
      {table("inet filter", NF_INET_FORWARD, false, {{{others}, Verdict::drop, "", "handle 3"}})},
      scene());

  const auto of_a_part = std::ranges::find_if(
      findings, [](const Finding& finding) { return !finding.addresses.empty(); });
  ASSERT_NE(of_a_part, findings.end());
  EXPECT_TRUE(of_a_part->is_wrong());
  EXPECT_TRUE(describe(*of_a_part).ends_with("in 10.40.0.0/13")) << describe(*of_a_part);
}

TEST(Drops, ManyPodsOfAPolicyAreLeftOut) {
  std::vector<Rule> rules;
  for (std::uint32_t i = 0; i < 100; ++i) {
    rules.push_back(
        {{firewall::AddressAmong{nft::Side::source, {{0x0A200000 + i, 0x0A200000 + i}}}},
         Verdict::drop});
  }

  EXPECT_TRUE(find_drops({table("inet filter", NF_INET_FORWARD, false, std::move(rules))}, scene())
                  .empty());
}

TEST(Drops, AnswersAndProbesOfTheNodeAreNeededAndConnectionsOfPodsToItAreNot) {
  const firewall::StateAmong is_answer{NF_CT_STATE_BIT(IP_CT_ESTABLISHED)};

  const Finding all = only(table("inet filter", NF_INET_LOCAL_IN, true));
  EXPECT_TRUE(all.is_wrong());
  EXPECT_EQ(describe(all),
            "the policy of 'inet filter forward' drops what pods send to this node and pods' "
            "answers to this node");
  const Finding closed =
      only(table("inet filter", NF_INET_LOCAL_IN, true, {{{is_answer}, Verdict::accept}}));
  EXPECT_EQ(closed.traffic, std::set{Traffic::pods_to_node});
  EXPECT_FALSE(closed.is_wrong());
  const Finding out = only(table("inet filter", NF_INET_LOCAL_OUT, true));
  EXPECT_TRUE(out.is_wrong());
  EXPECT_EQ(remedy(out, scene()),
            "nft insert rule inet filter forward oifname weave accept; and where these rules are "
            "loaded from, for the next boot");
}

TEST(Drops, BridgesAndArpHaveInputAndOutput) {
  const Finding bridge_in = only(table("bridge filter", NF_INET_LOCAL_IN, true));
  EXPECT_TRUE(bridge_in.is_wrong());
  EXPECT_TRUE(bridge_in.traffic.contains(Traffic::pods_to_outside));
  EXPECT_FALSE(bridge_in.traffic.contains(Traffic::pods_to_pods));

  for (const std::uint32_t hook : {NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT}) {
    const Finding arp = only(table("arp filter", hook, true));
    EXPECT_TRUE(arp.is_wrong());
    EXPECT_TRUE(
        describe(arp).starts_with("the policy of 'arp filter forward' drops ARP, without which "));
  }
}

TEST(Drops, RemediesNameWhatTheToolTakesInEachHook) {
  const Finding finding = only(table("ip mangle", NF_INET_POST_ROUTING, true));

  EXPECT_TRUE(remedy(finding, scene())
                  .starts_with("iptables-nft -t mangle -I forward -o weave -j ACCEPT; iptables-nft "
                               "-t mangle -I forward -s 10.32.0.0/12 -j ACCEPT; "));
}

/// As `table`, of type nat.
Table nat_table(std::string name, std::uint32_t hook, bool drops, std::vector<Rule> rules = {}) {
  Table made = table(std::move(name), hook, drops, std::move(rules));
  made.base_chains[0].is_nat = true;
  return made;
}

TEST(Drops, AChainForNatSeesTheFirstPacketsOfConnections) {
  const Finding finding = only(nat_table("ip site", NF_INET_PRE_ROUTING, true));

  EXPECT_EQ(finding.traffic, (std::set{Traffic::pods_to_pods, Traffic::pods_to_outside,
                                       Traffic::outside_to_pods, Traffic::pods_to_node}));
  EXPECT_TRUE(find_drops({nat_table("ip site", NF_INET_PRE_ROUTING, false,
                                    {{{firewall::StateAmong{NF_CT_STATE_BIT(IP_CT_ESTABLISHED)}},
                                      Verdict::drop}})},
                         scene())
                  .empty());
}

TEST(Drops, RemediesForChainsForNatStandJustBeforeWhatDrops) {
  const std::vector<Rule> rules{{{}, Verdict::drop, "", "handle 7"}};
  EXPECT_TRUE(
      remedy(only(nat_table("ip site", NF_INET_PRE_ROUTING, false, rules)), scene())
          .starts_with("nft insert rule ip site forward handle 7 iifname weave accept; and"));
  EXPECT_TRUE(remedy(only(nat_table("ip site", NF_INET_PRE_ROUTING, true)), scene())
                  .starts_with("nft add rule ip site forward iifname weave accept; and"));
  EXPECT_TRUE(remedy(only(nat_table("iptables-legacy nat", NF_INET_PRE_ROUTING, true)), scene())
                  .starts_with("iptables-legacy -t nat -A forward -i weave -j ACCEPT; and"));
  const std::vector<Rule> third{{{firewall::Special{}}, Verdict::drop, "", "rule 2"},
                                {{}, Verdict::drop, "", "rule 3"}};
  EXPECT_TRUE(
      remedy(only(nat_table("iptables-legacy nat", NF_INET_PRE_ROUTING, false, third)), scene())
          .starts_with("iptables-legacy -t nat -I forward 3 -i weave -j ACCEPT; and"));
}

TEST(Drops, NothingIsSaidBeforeThereArePods) {
  EXPECT_TRUE(
      find_drops({table("inet filter", NF_INET_FORWARD, true)}, {"weave", {}, {}, true}).empty());
}

}  // namespace
}  // namespace weft::nat
