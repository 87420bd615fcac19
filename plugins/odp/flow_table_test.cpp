/// What reaches the kernel when plans change, with a kernel that only remembers.
#include "flow_table.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace weft::odp {
namespace {

using namespace std::chrono_literals;
using Certainty = FlowDecision::Certainty;

class FakeKernel final : public FlowSink {
 public:
  std::vector<Result<>> apply(std::span<const FlowChange> changes) override {
    std::vector<Result<>> outcomes;
    batches += changes.empty() ? 0 : 1;
    for (const FlowChange& change : changes) {
      outcomes.push_back(change.actions ? put(change.key, *change.actions) : erase(change.key));
    }
    return outcomes;
  }
  Result<std::vector<KernelFlow>> dump() override {
    std::vector<KernelFlow> dumped;
    for (const auto& [key, flow] : flows) {
      dumped.push_back(flow);
      dumped.back().key = key;
    }
    return dumped;
  }

  std::map<FlowKey, KernelFlow> flows;
  unsigned batches = 0;
  unsigned puts = 0;
  unsigned erases = 0;
  bool is_refusing = false;

 private:
  Result<> put(const FlowKey& key, const Actions& actions) {
    if (is_refusing) {
      return fail(ENOSPC, "put a flow");
    }
    ++puts;
    flows[key].actions = actions;
    return {};
  }
  Result<> erase(const FlowKey& key) {
    ++erases;
    flows.erase(key);
    return {};
  }
};

class FlowTableTest : public ::testing::Test {
 protected:
  static FlowKey key(std::uint64_t source) {
    return {1, std::nullopt, MacPair{net::Mac::from_value(source), net::Mac::from_value(0x02AA)}};
  }
  static FlowKey received(std::uint16_t peer, std::uint64_t source) {
    FlowKey flow = key(source);
    flow.in_port = 2;
    flow.tunnel = Tunnel{.id = fastdp::tunnel_id(peer, 1)};
    return flow;
  }
  void settle(const FlowKey& at, Actions actions) {
    plans_[at] = {Certainty::settled, std::move(actions)};
  }
  void used(const FlowKey& at, TimePoint when) {
    kernel_.flows[at].used_ms = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(when.time_since_epoch()).count());
  }

  FakeKernel kernel_;
  std::map<FlowKey, Verdict> plans_;
  FlowTable table_{kernel_, [this](const FlowKey& at) { return plans_[at]; }};
  TimePoint now_{1h};
};

TEST_F(FlowTableTest, InstallsAFlowOnceHoweverManyFramesMissed) {
  settle(key(1), {Output{2}});
  table_.missed({key(1)}, now_);
  table_.missed({key(1)}, now_);
  EXPECT_EQ(kernel_.puts, 1U);
  EXPECT_EQ(kernel_.flows[key(1)].actions, Actions{Output{2}});
}

TEST_F(FlowTableTest, ChangesManyFlowsAtOnce) {
  std::vector<FlowKey> keys;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    settle(keys.emplace_back(key(i)), {Output{2}});
  }
  table_.missed(keys, now_);
  EXPECT_EQ(kernel_.puts, 100U);
  EXPECT_EQ(kernel_.batches, 1U);
  for (const FlowKey& each : keys) {
    settle(each, {Output{3}});
  }
  table_.replan(now_);
  EXPECT_EQ(kernel_.puts, 200U);
  EXPECT_EQ(kernel_.batches, 2U);
  table_.replan(now_);
  EXPECT_EQ(kernel_.batches, 2U);
}

TEST_F(FlowTableTest, DeletesWhatSendsWithAnIdThatIsNobodys) {
  const Action to_seven = SetTunnel{{.id = fastdp::tunnel_id(1, 7)}};
  const Action to_eight = SetTunnel{{.id = fastdp::tunnel_id(1, 8)}};
  settle(key(1), {to_seven, Output{2}});
  settle(key(2), {to_eight, Output{2}});
  settle(key(3), {to_eight, Output{2}, to_seven, Output{3}});
  table_.missed({key(1), key(2), key(3)}, now_);

  table_.forget_id(7);

  EXPECT_EQ(table_.size(), 1U);
  EXPECT_TRUE(kernel_.flows.contains(key(2)));
}

TEST_F(FlowTableTest, InstallsNothingForWhatIsNotSettled) {
  table_.missed({key(1)}, now_);
  plans_[key(2)] = {Certainty::settled, std::nullopt};
  table_.missed({key(2)}, now_);
  EXPECT_EQ(kernel_.puts, 0U);
}

TEST_F(FlowTableTest, TouchesOnlyTheFlowsWhoseActionsDiffer) {
  for (std::uint64_t i = 1; i <= 100; ++i) {
    settle(key(i), {Output{2}});
    table_.missed({key(i)}, now_);
  }
  settle(key(7), {Output{3}});
  table_.replan(now_);
  EXPECT_EQ(kernel_.puts, 101U);
  EXPECT_EQ(kernel_.erases, 0U);
  EXPECT_EQ(kernel_.flows[key(7)].actions, Actions{Output{3}});
}

TEST_F(FlowTableTest, CountsAHairpinOnceForAsLongAsItLasts) {
  settle(key(1), {});
  plans_[key(1)].is_hairpin = true;
  table_.missed({key(1)}, now_);
  table_.missed({key(1)}, now_);
  table_.replan(now_);
  table_.replan(now_);
  EXPECT_EQ(table_.counts().hairpins, 1U);
  EXPECT_EQ(kernel_.puts, 1U);

  settle(key(1), {Output{2}});  // the peers agree again
  table_.replan(now_);
  EXPECT_EQ(kernel_.flows[key(1)].actions, Actions{Output{2}});
  settle(key(1), {});
  plans_[key(1)].is_hairpin = true;
  table_.replan(now_);
  table_.replan(now_);
  EXPECT_EQ(table_.counts().hairpins, 2U);
}

TEST_F(FlowTableTest, KnowsWhichPortsItsFlowsUse) {
  const FlowKey received{5, Tunnel{}, std::nullopt};
  settle(received, {SetTunnel{}, Output{6}});
  table_.missed({received}, now_);
  EXPECT_TRUE(table_.uses(5));
  EXPECT_TRUE(table_.uses(6));
  EXPECT_FALSE(table_.uses(7));
}

TEST_F(FlowTableTest, DeletesAtOnceWhatIsRefuted) {
  settle(key(1), {Output{2}});
  table_.missed({key(1)}, now_);
  plans_[key(1)] = {Certainty::refuted, std::nullopt};
  table_.replan(now_);
  EXPECT_TRUE(kernel_.flows.empty());
}

TEST_F(FlowTableTest, LetsAFlowBeWhileItsRouteIsUnknownForAMinute) {
  settle(key(1), {Output{2}});
  table_.missed({key(1)}, now_);
  plans_[key(1)] = {};
  table_.replan(now_);
  table_.replan(now_ + 59s);
  EXPECT_EQ(kernel_.flows.size(), 1U);
  table_.replan(now_ + 60s);
  EXPECT_TRUE(kernel_.flows.empty());
}

TEST_F(FlowTableTest, CountsTheMinuteAnewAfterTheRouteCameBack) {
  settle(key(1), {Output{2}});
  table_.missed({key(1)}, now_);
  plans_[key(1)] = {};
  table_.replan(now_);
  settle(key(1), {Output{2}});
  table_.replan(now_ + 30s);
  plans_[key(1)] = {};
  table_.replan(now_ + 65s);
  EXPECT_EQ(kernel_.flows.size(), 1U);
}

TEST_F(FlowTableTest, AdoptsWhatAnEarlierRunLeftWithoutTouchingIt) {
  kernel_.flows[key(1)].actions = {Output{2}};
  EXPECT_TRUE(table_.sweep(now_));
  settle(key(1), {Output{2}});
  table_.replan(now_);
  EXPECT_EQ(table_.counts().adopted, 1U);
  EXPECT_EQ(kernel_.puts, 0U);
  EXPECT_EQ(kernel_.erases, 0U);
}

TEST_F(FlowTableTest, LeavesFlowsAloneThatItDoesNotUnderstand) {
  kernel_.flows[key(1)].is_plain = false;
  EXPECT_TRUE(table_.sweep(now_));
  table_.replan(now_ + 1h);
  EXPECT_EQ(table_.size(), 0U);
  EXPECT_EQ(kernel_.erases, 0U);
}

TEST_F(FlowTableTest, InstallsAgainWhatSomebodyElseDeleted) {
  settle(key(1), {Output{2}});
  table_.missed({key(1)}, now_);
  kernel_.flows.clear();
  EXPECT_TRUE(table_.sweep(now_));
  table_.missed({key(1)}, now_);
  EXPECT_EQ(kernel_.puts, 2U);
}

TEST_F(FlowTableTest, SaysWhichFlowsWereUsedOfLate) {
  for (std::uint64_t i = 1; i <= 3; ++i) {
    settle(key(i), {Output{2}});
    table_.missed({key(i)}, now_);
  }
  used(key(2), now_ - 29s);
  used(key(3), now_ - 31s);
  EXPECT_EQ(*table_.sweep(now_), std::vector<FlowKey>{key(2)});
}

TEST_F(FlowTableTest, DropsWhatWasIdleForTenMinutesButNoRuleOfAPort) {
  const FlowKey port{3, std::nullopt, std::nullopt};
  for (const FlowKey& each : {key(1), key(2), port}) {
    settle(each, {Output{1}});
    table_.missed({each}, now_);
  }
  used(key(2), now_ + 9min);
  EXPECT_TRUE(table_.sweep(now_ + 10min));
  EXPECT_FALSE(kernel_.flows.contains(key(1)));
  EXPECT_TRUE(kernel_.flows.contains(key(2)));
  EXPECT_TRUE(kernel_.flows.contains(port));
}

TEST_F(FlowTableTest, StaysBoundedWhateverMacsPodsInvent) {
  for (std::uint64_t i = 1; i <= FlowTable::max_flows + 10; ++i) {
    settle(key(i), {Output{2}});
    table_.missed({key(i)}, now_ + std::chrono::milliseconds{i});
  }
  EXPECT_LE(table_.size(), FlowTable::max_flows);
  EXPECT_EQ(table_.size(), kernel_.flows.size());
  EXPECT_EQ(table_.counts().displaced, FlowTable::max_displaced);
  EXPECT_EQ(table_.counts().deleted, 0U);
  EXPECT_FALSE(kernel_.flows.contains(key(1)));
  EXPECT_TRUE(kernel_.flows.contains(key(FlowTable::max_flows + 10)));
}

TEST_F(FlowTableTest, KeepsTheFlowsOfOthersWhenPodsInventMacs) {
  const FlowKey port{3, std::nullopt, std::nullopt};
  settle(port, {Output{1}});
  table_.missed({port}, now_);
  std::vector<FlowKey> others;
  for (std::uint64_t i = 1; i <= 300; ++i) {  // each of another peer; never used again
    settle(others.emplace_back(received(static_cast<std::uint16_t>(i), i)), {Output{1}});
  }
  std::vector<FlowKey> pods;
  for (std::uint64_t i = 1; i <= 300; ++i) {
    settle(pods.emplace_back(key(i)), {Output{2}});
  }
  table_.missed(others, now_);
  table_.missed(pods, now_);
  for (const FlowKey& pod : pods) {
    used(pod, now_ + 1s);
  }
  EXPECT_TRUE(table_.sweep(now_ + 2s));

  for (std::uint64_t i = 1'000; i < 1'000 + 3 * FlowTable::max_flows; ++i) {
    settle(key(i), {Output{2}});
    table_.missed({key(i)}, now_ + 3s);
  }

  for (const auto& each : {others, pods, {port}}) {
    for (const FlowKey& flow : each) {
      ASSERT_TRUE(kernel_.flows.contains(flow));
    }
  }
  EXPECT_EQ(table_.counts().refused, 0U);
}

TEST_F(FlowTableTest, APeerGetsItsShareOfATableThatPodsFilled) {
  for (std::uint64_t i = 1; i <= FlowTable::max_flows; ++i) {
    settle(key(i), {Output{2}});
    table_.missed({key(i)}, now_);
  }
  for (std::uint64_t i = 1; i <= FlowTable::max_flows; ++i) {
    settle(received(9, i), {Output{1}});
    table_.missed({received(9, i)}, now_);
  }
  const auto pods = std::ranges::count_if(
      kernel_.flows, [](const auto& flow) { return !flow.first.tunnel.has_value(); });
  EXPECT_NEAR(static_cast<double>(pods), FlowTable::max_flows / 2., FlowTable::max_displaced);
  EXPECT_GE(kernel_.flows.size() + FlowTable::max_displaced, FlowTable::max_flows);
}

TEST_F(FlowTableTest, CountsWhatTheKernelRefuses) {
  kernel_.is_refusing = true;
  settle(key(1), {Output{2}});
  table_.missed({key(1)}, now_);
  EXPECT_EQ(table_.counts().refused, 1U);
  EXPECT_EQ(table_.size(), 0U);
}

}  // namespace
}  // namespace weft::odp
