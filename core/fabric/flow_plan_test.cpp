/// Every case of the forwarding rules, as data.

#include "fabric/flow_plan.hpp"

#include <gtest/gtest.h>

#include "fabric/forwarding_table.hpp"

namespace weft::dataplane {
namespace {

using Spread = FlowPlan::Spread;

constexpr PeerName self{1};
constexpr PeerName there{2};
constexpr PeerName elsewhere{3};
const net::Mac pod = net::Mac::from_value(0x020000000001);
const net::Mac everyone = net::Mac::from_value(0xFFFFFFFFFFFF);
const net::Mac spanning_tree = net::Mac::from_value(0x0180C2000000);

TEST(FlowPlanCaptured, GoesStraightToThePeerOfItsDestination) {
  EXPECT_EQ(
      plan_captured(self, pod, there),
      (FlowPlan{
          .learns_source = true, .spread = Spread::unicast, .origin = self, .destination = there}));
}

TEST(FlowPlanCaptured, GoesToEveryoneWhenTheDestinationIsUnknownOrAGroup) {
  const FlowPlan broadcast{.learns_source = true, .spread = Spread::broadcast, .origin = self};

  EXPECT_EQ(plan_captured(self, pod, std::nullopt), broadcast);
  EXPECT_EQ(plan_captured(self, everyone, std::nullopt), broadcast);
  EXPECT_EQ(plan_captured(self, everyone, there), broadcast);
}

TEST(FlowPlanCaptured, GoesNowhereWhenTheBridgeDeliveredIt) {
  EXPECT_EQ(plan_captured(self, pod, self).drop, Drop::local);
  EXPECT_TRUE(plan_captured(self, pod, self).learns_source);
}

TEST(FlowPlanCaptured, SpanningTreeStaysOnItsBridge) {
  EXPECT_EQ(plan_captured(self, spanning_tree, std::nullopt).drop, Drop::link_control);
}

TEST(FlowPlanReceived, ForAnotherPeerIsRelayedWithNamesUnchangedAndTeachesNothing) {
  EXPECT_EQ(plan_received(self, there, elsewhere, self),
            (FlowPlan{.spread = Spread::unicast, .origin = there, .destination = elsewhere}));
}

TEST(FlowPlanReceived, ForALocalMacEndsHere) {
  EXPECT_EQ(plan_received(self, there, self, self),
            (FlowPlan{.learns_source = true, .is_delivered = true, .origin = there}));
}

TEST(FlowPlanReceived, ForAnyOtherMacIsDeliveredAndBroadcastForItsSource) {
  const FlowPlan plan{
      .learns_source = true, .is_delivered = true, .spread = Spread::broadcast, .origin = there};

  EXPECT_EQ(plan_received(self, there, self, std::nullopt), plan);
  EXPECT_EQ(plan_received(self, there, self, elsewhere), plan);
}

TEST(FlowPlanReceived, OurOwnFrameComingBackIsDropped) {
  EXPECT_EQ(plan_received(self, self, self, std::nullopt).drop, Drop::looped);
  EXPECT_EQ(plan_received(self, self, elsewhere, std::nullopt).drop, Drop::looped);
}

class NoForwarder final : public Forwarder {
 public:
  std::size_t forward(Lane&, PeerName, PeerName, std::span<const Frame>) noexcept override {
    return 0;
  }
};

TEST(ForwardingTable, FindsHopsAndLeavesOutNeighboursWithoutForwarders) {
  const auto forwarder = std::make_shared<NoForwarder>();
  const Routes routes{
      self,
      {{PeerName{2}, PeerName{2}}, {PeerName{3}, PeerName{2}}, {PeerName{4}, PeerName{4}}},
      {{self, {PeerName{2}, PeerName{4}}}, {PeerName{2}, {}}}};
  const ForwardingTable table{routes, {{PeerName{2}, {forwarder}}, {PeerName{4}, {}}}};

  ASSERT_NE(table.next_hop(PeerName{3}), nullptr);
  EXPECT_EQ(table.next_hop(PeerName{3})->name, PeerName{2});
  EXPECT_EQ(table.next_hop(PeerName{4}), nullptr);
  EXPECT_EQ(table.next_hop(PeerName{9}), nullptr);
  ASSERT_EQ(table.broadcast_hops(self).size(), 1u);
  EXPECT_EQ(table.broadcast_hops(self)[0]->name, PeerName{2});
  EXPECT_TRUE(table.broadcast_hops(PeerName{2}).empty());
  EXPECT_TRUE(table.broadcast_hops(PeerName{9}).empty());
}

TEST(RouteChanges, CountsOnlyWhatDiffers) {
  const Routes before{
      self, {{PeerName{2}, PeerName{2}}, {PeerName{3}, PeerName{2}}}, {{self, {there}}}};
  Routes after = before;
  EXPECT_EQ(compare(before, after), RouteChanges{});

  after.unicast[1].via = PeerName{3};
  after.unicast.push_back({PeerName{4}, PeerName{2}});
  after.broadcast.clear();
  EXPECT_EQ(compare(before, after), (RouteChanges{.added = 1, .removed = 1, .changed = 1}));
}

}  // namespace
}  // namespace weft::dataplane
