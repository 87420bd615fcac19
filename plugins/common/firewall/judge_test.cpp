/// What chains do with packets of pods.

#include "judge.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>

#include <gtest/gtest.h>

#include "test_kinds.hpp"

namespace weft::firewall {
namespace {

using testing::answers_to_pods;
using testing::judge_first;
using testing::pods_range;
using testing::pods_to_outside;

constexpr Interval everywhere{0, UINT32_MAX};

std::vector<Table> table(bool drops_by_policy, std::map<std::string, std::vector<Rule>> chains) {
  return {{"inet filter",
           false,
           {{"forward", NF_INET_FORWARD, 0, drops_by_policy}},
           std::move(chains)}};
}

InterfaceAmong in(std::string name, bool is_negated = false) {
  return {Direction::in, {std::move(name)}, is_negated};
}

StateAmong is_reply() {
  return {NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED)};
}

TEST(Judge, APolicyDropsWhatNoRuleAccepts) {
  const auto tables = table(true, {{"forward", {{{is_reply()}, Verdict::accept}}}});

  EXPECT_EQ(judge_first(tables, pods_to_outside()), (Drop{"forward", "", "", false, false}));
  EXPECT_EQ(judge_first(tables, answers_to_pods()), std::nullopt);
  EXPECT_EQ(judge_first(table(false, {{"forward", {}}}), pods_to_outside()), std::nullopt);
}

TEST(Judge, RulesForSpecialPacketsArePassedOver) {
  const auto tables =
      table(false, {{"forward",
                     {{{Special{}}, Verdict::drop},
                      {{ProtocolAmong{{IPPROTO_UDP}}}, Verdict::reject, "", "rule 2"},
                      {{Special{}}, Verdict::accept}}}});

  EXPECT_EQ(judge_first(tables, pods_to_outside(IPPROTO_TCP)), std::nullopt);
  EXPECT_EQ(judge_first(tables, pods_to_outside(IPPROTO_UDP)),
            (Drop{"forward", "rule 2", "", true, false}));
}

TEST(Judge, JumpsComeBackAndGotosDoNot) {
  const std::vector<Rule> other{{{in("eth9")}, Verdict::accept}};
  const auto jumps = table(
      true, {{"forward", {{{}, Verdict::jump, "zones"}, {{}, Verdict::accept}}}, {"zones", other}});
  const auto goes = table(
      true,
      {{"forward", {{{}, Verdict::goto_, "zones"}, {{}, Verdict::accept}}}, {"zones", other}});

  EXPECT_EQ(judge_first(jumps, pods_to_outside()), std::nullopt);
  EXPECT_EQ(judge_first(goes, pods_to_outside()), (Drop{"forward", "", "", false, false}));
}

TEST(Judge, AReturnLeavesTheRestOfAChainOut) {
  const auto tables = table(false, {{"forward", {{{}, Verdict::jump, "user"}}},
                                    {"user", {{{}, Verdict::return_}, {{}, Verdict::drop}}}});

  EXPECT_EQ(judge_first(tables, pods_to_outside()), std::nullopt);
}

TEST(Judge, ADropThatNamesPodsIsMeantForThem) {
  const auto by_interface = table(false, {{"forward", {{{in("weave")}, Verdict::drop}}}});
  const auto by_address =
      table(false, {{"forward", {{{AddressAmong{Side::source, {pods_range}}}, Verdict::drop}}}});
  const auto by_jump = table(false, {{"forward", {{{in("weave")}, Verdict::jump, "policies"}}},
                                     {"policies", {{{}, Verdict::drop}}}});
  const auto by_exception =
      table(true, {{"forward", {{{in("weave"), Special{}}, Verdict::accept}}}});

  for (const auto& tables : {by_interface, by_address, by_jump, by_exception}) {
    const auto drop = judge_first(tables, pods_to_outside());
    ASSERT_TRUE(drop);
    EXPECT_TRUE(drop->is_about_pods);
  }
}

TEST(Judge, ADropOfEverythingIsNotMeantForPods) {
  for (const std::vector<Condition>& conditions : {std::vector<Condition>{},
                                                   {AddressAmong{Side::source, {everywhere}}},
                                                   {in("docker0", /*is_negated=*/true)},
                                                   {in("we*")}}) {
    const auto drop =
        judge_first(table(false, {{"forward", {{conditions, Verdict::drop}}}}), pods_to_outside());
    ASSERT_TRUE(drop);
    EXPECT_FALSE(drop->is_about_pods);
  }
}

TEST(Judge, AddressesThatOnlySomePodsHaveAreSpecial) {
  const AddressAmong one_pod{Side::source, {{pods_range.first + 5, pods_range.first + 5}}};
  const AddressAmong private_networks{Side::source, {{0x0A000000, 0x0AFFFFFF}}};

  EXPECT_FALSE(
      judge_first(table(false, {{"forward", {{{one_pod}, Verdict::drop}}}}), pods_to_outside()));
  EXPECT_TRUE(judge_first(table(false, {{"forward", {{{private_networks}, Verdict::drop}}}}),
                          pods_to_outside()));
}

TEST(Judge, AnInterfaceThatIsNotKnownIsNotThePodsBridge) {
  Kind kind = answers_to_pods();
  kind.in.reset();

  EXPECT_TRUE(judge_first(
      table(false, {{"forward", {{{in("weave", /*is_negated=*/true)}, Verdict::drop}}}}), kind));
  EXPECT_FALSE(judge_first(table(false, {{"forward", {{{in("eth0")}, Verdict::drop}}}}), kind));
}

TEST(Judge, ChainsThatCallEachOtherManyTimesTakeNoTime) {
  std::map<std::string, std::vector<Rule>> chains;
  for (int i = 0; i < 16; ++i) {
    const std::string next = "c" + std::to_string(i + 1);
    chains["c" + std::to_string(i)] = std::vector<Rule>(50, {{}, Verdict::jump, next});
  }
  chains["forward"] = {{{}, Verdict::jump, "c0"}};

  EXPECT_FALSE(judge_first(table(false, std::move(chains)), pods_to_outside()));
}

}  // namespace
}  // namespace weft::firewall
