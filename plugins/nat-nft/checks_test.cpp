/// What is said of rules and of losses.

#include "checks.hpp"

#include <linux/netfilter.h>

#include <gtest/gtest.h>

namespace weft::nat {
namespace {

using doctor::State;

const Loss outward{Traffic::pods_to_outside, NF_INET_FORWARD, 40, 2};

Survey survey(std::vector<Finding> findings = {}) {
  return {.scene = {"weave", {net::parse_cidr("10.32.0.0/12").value()}, "eth0", true},
          .findings = std::move(findings),
          .chains = {{"ip raw", {"PREROUTING", NF_INET_PRE_ROUTING, -300, false}},
                     {"inet site", {"fw", NF_INET_FORWARD, 0, false}},
                     {"bridge site", {"fw", NF_INET_FORWARD, 0, false}},
                     {"bridge site", {"in", NF_INET_LOCAL_IN, 0, false}}}};
}

Finding finding(bool is_about_pods) {
  return {"inet site",
          {"fw", NF_INET_FORWARD, 0, false},
          {"fw", "handle 3", "", false, is_about_pods},
          {Traffic::pods_to_outside},
          {1, 6, 17}};
}

TEST(Checks, ALossThatNoRuleExplainsNamesTheChainsAndHowToFindTheRule) {
  const auto checks = checks_of(survey(), {outward});

  ASSERT_EQ(checks.size(), 1u);
  EXPECT_EQ(checks[0].state, State::wrong);
  EXPECT_EQ(checks[0].text,
            "what pods send to the outside vanishes in hook forward: 40 packets came in within 20 "
            "s and none came out; chains there: 'inet site fw' (priority 0)");
  EXPECT_EQ(checks[0].remedy,
            "if nobody means to drop it, see which rule does: nft 'add table ip weft-trace; add "
            "chain ip weft-trace first { type filter hook forward priority -2147483647; }; add "
            "rule ip weft-trace first iifname weave limit rate 1/second meta nftrace set 1'; "
            "timeout 10 nft monitor trace; nft delete table ip weft-trace");
}

TEST(Checks, ALossSupportsTheFindingThatExplainsIt) {
  const auto checks = checks_of(survey({finding(false)}), {outward});

  ASSERT_EQ(checks.size(), 1u);
  EXPECT_EQ(checks[0].state, State::wrong);
  EXPECT_EQ(checks[0].text,
            "a rule of 'inet site fw' (handle 3) drops what pods send to the outside; of what pods "
            "send to the outside, 40 packets came in within 20 s and none came out");
}

TEST(Checks, ARuleForPodsIsNotedUntilNothingComesThrough) {
  EXPECT_EQ(checks_of(survey({finding(true)}), {}).at(0).state, State::note);
  const auto lost = checks_of(survey({finding(true)}), {outward});
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].state, State::wrong);
  EXPECT_NE(lost[0].text.find("it is written for pods; of what"), std::string::npos);
}

TEST(Checks, WhatIsLostElsewhereIsSaidBeside) {
  const Loss answers{Traffic::answers_to_pods, NF_INET_FORWARD, 40, 2};

  EXPECT_EQ(checks_of(survey({finding(false)}), {answers}).size(), 2u);
}

TEST(Checks, WhatDoesNotReachTheRoutingMayBeDroppedByABridge) {
  const Loss loss{Traffic::pods_to_outside, NF_INET_PRE_ROUTING, 40, 2};

  const auto checks = checks_of(survey(), {loss});

  EXPECT_TRUE(checks.at(0).text.ends_with(
      "chains there: 'ip raw PREROUTING' (priority -300), 'bridge site in' (priority 0)"))
      << checks[0].text;
}

}  // namespace
}  // namespace weft::nat
