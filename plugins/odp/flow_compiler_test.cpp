/// What flows become, without a kernel and without a dataplane.

#include "flow_compiler.hpp"

#include <gtest/gtest.h>

#include <map>

#include <weft/events/topology.hpp>
#include <weft/net/headers.hpp>

namespace weft::odp {
namespace {

using Certainty = FlowDecision::Certainty;

constexpr PeerName us{1};
constexpr PeerName neighbour{2};
constexpr PeerName distant{3};  // behind the neighbour
constexpr PortNumber bridge = 1;
constexpr PortNumber router = 2;
constexpr PortNumber tunnel_port = 3;
constexpr std::uint32_t our_address = 0x0a630001;
constexpr std::uint32_t neighbours_address = 0x0a630002;
constexpr std::uint32_t pods_mtu = 1376;
const MacPair macs{*net::parse_mac("02:00:00:00:00:01"), *net::parse_mac("02:00:00:00:00:02")};

/// Says the same of every flow.
struct Planner final : FlowPlanner {
  FlowDecision captured(net::Mac, net::Mac) const override { return decision; }
  FlowDecision received(PeerName, PeerName, net::Mac, net::Mac) const override { return decision; }
  void heard(std::vector<MacSighting>) override {}
  FlowWatch watch(Loop&, Task) override { return {}; }

  FlowDecision decision{.certainty = Certainty::settled, .origin = us};
};

std::shared_ptr<const LaneView> make_view() {
  Topology topology;
  for (const PeerName name : {us, neighbour, distant}) {
    Topology::Peer peer;
    peer.name = name;
    peer.short_id = static_cast<std::uint16_t>(static_cast<std::uint64_t>(name) * 0x100);
    topology.peers.push_back(peer);
  }
  return std::make_shared<const LaneView>(LaneView{.ids = fastdp::PeerIds(topology)});
}

class FlowCompilerTest : public ::testing::Test {
 protected:
  void copy_to(PeerName peer) { planner_.decision.hops.push_back({nullptr, peer}); }
  Verdict from_pod() const { return compiler_.plan({.in_port = bridge, .macs = macs}); }
  Verdict from_tunnel(PeerName origin, PeerName destination, std::optional<MacPair> of) const {
    const Tunnel tunnel{fastdp::tunnel_id(*view_->ids.id(origin), *view_->ids.id(destination)),
                        neighbours_address, our_address};
    return compiler_.plan({.in_port = tunnel_port, .tunnel = tunnel, .macs = of});
  }
  /// In a tunnel to the neighbour, which relays what is for somebody else.
  Actions sent_to(PeerName peer) const {
    const Tunnel tunnel{fastdp::tunnel_id(*view_->ids.id(us), *view_->ids.id(peer)), our_address,
                        neighbours_address};
    return {SetTunnel{tunnel}, Output{tunnel_port}};
  }

  Planner planner_;
  FlowPorts ports_{.bridge = bridge, .router = router, .mtu = pods_mtu, .upcall = 77};
  std::shared_ptr<const LaneView> view_ = make_view();
  std::optional<TunnelOutput> output_ =
      TunnelOutput{{.source = our_address, .destination = neighbours_address}, tunnel_port};
  FlowCompiler compiler_{us, planner_, ports_, view_, [this](const FlowHop&) { return output_; }};
};

TEST_F(FlowCompilerTest, EncapsulatesForThePeerWhoseShortIdTheTunnelNames) {
  copy_to(neighbour);
  EXPECT_EQ(from_pod().actions, sent_to(neighbour));
}

TEST_F(FlowCompilerTest, CopiesABroadcastToTheBridgeAndToEachPeer) {
  planner_.decision.is_delivered = true;
  copy_to(neighbour);
  copy_to(distant);

  Actions wanted{Output{bridge}};
  for (const PeerName peer : {neighbour, distant}) {
    const Actions copy = sent_to(peer);
    wanted.insert(wanted.end(), copy.begin(), copy.end());
  }
  EXPECT_EQ(from_pod().actions, wanted);
}

TEST_F(FlowCompilerTest, SendsLongerFramesUpWhereAPathIsNarrow) {
  copy_to(neighbour);
  output_->mtu = pods_mtu - 100;

  const Verdict verdict = from_pod();
  ASSERT_TRUE(verdict.actions);
  ASSERT_EQ(verdict.actions->size(), 3u);
  EXPECT_EQ(verdict.actions->front(),
            Action(CheckLength{pods_mtu - 100 + net::ethernet_header_bytes, 77}));
}

TEST_F(FlowCompilerTest, LeavesANarrowPathToTheLanesOfAKernelThatMeasuresNothing) {
  copy_to(neighbour);
  output_->mtu = pods_mtu - 100;
  ports_.upcall.reset();
  EXPECT_EQ(from_pod().actions, Actions{Output{router}});
}

TEST_F(FlowCompilerTest, LeavesAFlowToTheLanesWhenOneCopyHasNoTunnel) {
  copy_to(neighbour);
  output_.reset();
  EXPECT_EQ(from_pod().actions, Actions{Output{router}});

  ports_.router = 0;  // there is no way to the lanes either
  EXPECT_EQ(from_pod().actions, std::nullopt);
}

TEST_F(FlowCompilerTest, LeavesAFlowToTheLanesWhileItsPeerHasNoShortId) {
  copy_to(PeerName{9});
  EXPECT_EQ(from_pod().actions, Actions{Output{router}});
}

TEST_F(FlowCompilerTest, SaysNothingOfAFlowThatThePlannerDoesNotKnow) {
  planner_.decision.certainty = Certainty::unknown;
  EXPECT_EQ(from_pod().actions, std::nullopt);
  EXPECT_EQ(from_pod().certainty, Certainty::unknown);
}

TEST_F(FlowCompilerTest, LeavesOutTheCopyThatWouldGoBackToWhereItCameFrom) {
  planner_.decision.origin = neighbour;
  copy_to(distant);
  const Verdict verdict = from_tunnel(neighbour, distant, {});
  EXPECT_TRUE(verdict.is_hairpin);
  EXPECT_EQ(verdict.actions, Actions{});
}

TEST_F(FlowCompilerTest, MatchesMacsOfWhatIsDeliveredAndNothingOfWhatIsRelayed) {
  planner_.decision.is_delivered = true;
  EXPECT_EQ(from_tunnel(neighbour, us, macs).actions, Actions{Output{bridge}});
  EXPECT_EQ(from_tunnel(neighbour, us, {}).certainty, Certainty::refuted);
  EXPECT_EQ(from_tunnel(neighbour, distant, macs).certainty, Certainty::refuted);
}

TEST_F(FlowCompilerTest, DeliversNothingBeforeTheBridgeHasJoined) {
  planner_.decision.is_delivered = true;
  ports_ = {};
  EXPECT_EQ(from_tunnel(neighbour, us, macs).actions, std::nullopt);
  EXPECT_EQ(from_pod().actions, std::nullopt);
}

TEST_F(FlowCompilerTest, BelievesOnlyNeighboursWhereSomethingIsEncrypted) {
  planner_.decision.is_delivered = true;
  LaneView guarded = *view_;
  guarded.is_encrypting = true;
  view_ = std::make_shared<const LaneView>(guarded);
  EXPECT_EQ(from_tunnel(neighbour, us, macs).actions, std::nullopt);

  guarded.neighbours = {{tunnel_port, neighbours_address}};
  view_ = std::make_shared<const LaneView>(guarded);
  EXPECT_EQ(from_tunnel(neighbour, us, macs).actions, Actions{Output{bridge}});
}

TEST_F(FlowCompilerTest, KnowsWhoseMacAFlowShows) {
  const auto local = compiler_.sighting({.in_port = bridge, .macs = macs});
  ASSERT_TRUE(local);
  EXPECT_EQ(local->peer, us);
  EXPECT_EQ(local->mac, macs.source);

  const Tunnel tunnel{fastdp::tunnel_id(*view_->ids.id(distant), *view_->ids.id(us)),
                      neighbours_address, our_address};
  const auto remote = compiler_.sighting({.in_port = tunnel_port, .tunnel = tunnel, .macs = macs});
  ASSERT_TRUE(remote);
  EXPECT_EQ(remote->peer, distant);
  EXPECT_FALSE(compiler_.sighting({.in_port = tunnel_port, .tunnel = tunnel}));
}

}  // namespace
}  // namespace weft::odp
