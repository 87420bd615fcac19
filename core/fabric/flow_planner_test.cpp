/// What is known, unknown and refuted about flows.

#include "fabric/flow_planner.hpp"

#include <array>

#include <gtest/gtest.h>

#include <weft/testing/fake_host.hpp>

#include "fabric/interruptions.hpp"

namespace weft::dataplane {
namespace {

using namespace std::chrono_literals;
using Certainty = FlowDecision::Certainty;

constexpr PeerName self{1};
constexpr PeerName near{2};  // a neighbour
constexpr PeerName far{3};   // behind `near`
const net::Mac pod = net::Mac::from_value(0x020000000011);
const net::Mac remote = net::Mac::from_value(0x020000000022);
const net::Mac everyone = net::Mac::from_value(0xFFFFFFFFFFFF);

class NoForwarder final : public Forwarder {
 public:
  std::size_t forward(Lane& /*lane*/, PeerName /*source*/, PeerName /*destination*/,
                      std::span<const Frame> batch) noexcept override {
    return batch.size();
  }
};

class FlowPlannerTest : public ::testing::Test {
 protected:
  FlowPlannerTest() {
    Routes routes;
    routes.self = self;
    routes.unicast = {{near, near}, {far, near}};
    routes.broadcast = {{self, {near}}, {near, {}}, {far, {}}};
    planner_.use(std::make_shared<const Snapshot>(
        routes, std::vector<Neighbour>{{near, {forwarder_}}}, nullptr));
  }

  void learn(net::Mac mac, PeerName peer) { macs_.learn(mac, peer, world_.now()); }

  weft::testing::SimWorld world_;
  weft::testing::FakeHost host_{world_};
  MacTable macs_{1, world_.now()};
  FlowPlannerImpl planner_{self, macs_, host_.loop()};
  std::shared_ptr<Forwarder> forwarder_ = std::make_shared<NoForwarder>();
};

TEST_F(FlowPlannerTest, SendsAKnownMacToItsPeerOverTheNextHop) {
  learn(remote, far);
  const FlowDecision decision = planner_.captured(pod, remote);
  EXPECT_EQ(decision.certainty, Certainty::settled);
  ASSERT_EQ(decision.hops.size(), 1U);
  EXPECT_EQ(decision.hops[0].destination, far);
  EXPECT_EQ(decision.hops[0].forwarder, forwarder_);
}

TEST_F(FlowPlannerTest, MakesNoRuleForAMacThatNobodyKnows) {
  EXPECT_EQ(planner_.captured(pod, remote).certainty, Certainty::unknown);
}

TEST_F(FlowPlannerTest, MakesNoRuleTowardsAPeerWithoutARoute) {
  learn(remote, PeerName{9});
  EXPECT_EQ(planner_.captured(pod, remote).certainty, Certainty::unknown);
}

TEST_F(FlowPlannerTest, DropsByRuleWhatTheBridgeDelivered) {
  learn(remote, self);
  const FlowDecision decision = planner_.captured(pod, remote);
  EXPECT_EQ(decision.certainty, Certainty::settled);
  EXPECT_TRUE(decision.hops.empty());
}

TEST_F(FlowPlannerTest, CopiesBroadcastsToTheBroadcastRoute) {
  const FlowDecision decision = planner_.captured(pod, everyone);
  EXPECT_EQ(decision.certainty, Certainty::settled);
  ASSERT_EQ(decision.hops.size(), 1U);
  EXPECT_EQ(decision.hops[0].destination, near);
}

TEST_F(FlowPlannerTest, RefutesACapturedFlowWhoseSourceMovedAway) {
  learn(pod, near);
  learn(remote, far);
  EXPECT_EQ(planner_.captured(pod, remote).certainty, Certainty::refuted);
}

TEST_F(FlowPlannerTest, RefutesAReceivedFlowWhoseSourceIsHeardElsewhere) {
  learn(remote, far);
  learn(pod, self);
  EXPECT_EQ(planner_.received(near, self, remote, pod).certainty, Certainty::refuted);
  const FlowDecision decision = planner_.received(far, self, remote, pod);
  EXPECT_EQ(decision.certainty, Certainty::settled);
  EXPECT_TRUE(decision.is_delivered);
}

TEST_F(FlowPlannerTest, RelaysWithoutAskingForMacs) {
  const FlowDecision decision = planner_.received(far, near, {}, {});
  EXPECT_EQ(decision.certainty, Certainty::settled);
  EXPECT_FALSE(decision.is_delivered);
  ASSERT_EQ(decision.hops.size(), 1U);
  EXPECT_EQ(decision.hops[0].destination, near);
}

TEST_F(FlowPlannerTest, KeepsMacsThatOnlyTheKernelHearsButNeverMovesThem) {
  learn(remote, near);
  planner_.heard({{remote, far}, {pod, self}});
  world_.run_for(1s);
  EXPECT_EQ(macs_.find(remote), near);
  EXPECT_EQ(macs_.find(pod), self);
}

TEST_F(FlowPlannerTest, NeverTakesTheOwnerOfAMacThatFollowedInItsSlot) {
  MacTable macs{1, world_.now(), 1};
  FlowPlannerImpl planner{self, macs, host_.loop()};
  bool is_remote_next = true;
  // The loop that forgets peers, which other control threads do not wait for.
  Interruptions interruptions(40'000, [&, now = world_.now()] {
    macs.forget(std::array{is_remote_next ? far : near});
    for (std::uint64_t i = 0; i < MacTable::generations_to_reuse; ++i) {
      static_cast<void>(macs.release());
    }
    macs.learn(is_remote_next ? remote : pod, is_remote_next ? near : far, now);
    is_remote_next = !is_remote_next;
  });

  unsigned wrong = 0;
  while (!interruptions.are_over()) {  // `remote` lives at `near`, if anywhere
    wrong += planner.received(near, self, remote, {}).certainty == Certainty::refuted ? 1 : 0;
  }
  EXPECT_EQ(wrong, 0U);
}

TEST_F(FlowPlannerTest, CallsAWatcherOnceForChangesThatComeTogether) {
  unsigned calls = 0;
  FlowWatch watch = planner_.watch(host_.loop(), [&calls] { ++calls; });
  planner_.changed();
  planner_.changed();
  world_.run_for(1s);
  EXPECT_EQ(calls, 1U);
  planner_.changed();
  watch = {};
  world_.run_for(1s);
  EXPECT_EQ(calls, 1U);
}

}  // namespace
}  // namespace weft::dataplane
