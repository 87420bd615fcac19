/// A lane's netlink socket when the kernel hands up more than it holds, and when it refuses frames.

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <functional>

#include <weft/testing/fake_host.hpp>

#include "lane_port.hpp"
#include "testing/datapath.hpp"

namespace weft::odp {
namespace {

constexpr PeerName self{1};
constexpr PeerName remote{2};

/// Counts the frames that the test sends: the kernel sends some by itself.
class CountingDataplane final : public Dataplane {
 public:
  void from_bridge(Lane& /*lane*/, std::span<const Frame> batch) noexcept override {
    for (const Frame& frame : batch) {
      frames += net::Mac::load(frame.data + 6) == testing::sender ? 1U : 0U;
    }
  }
  void from_overlay(Lane& /*lane*/, const OverlayBatch& /*batch*/) noexcept override {}
  void set_bridge_port(std::shared_ptr<BridgePort> /*port*/) override {}

  std::size_t frames = 0;
};

class OdpLaneTest : public testing::DatapathTest {
 protected:
  OdpLaneTest() {
    auto port = NetlinkPort::open();
    EXPECT_TRUE(port);
    lane_port_ = std::make_unique<LanePort>(
        LanePort::Context{dataplane_, view_, counters_, bell_, kernel_.families().packet},
        *std::move(port));
    EXPECT_TRUE(kernel_.send_upcalls_to({lane_port_->port().id()}));
    registration_ = lanes_.add(0, *lane_port_, {});
  }

  void publish(PortNumber bridge) {
    Topology topology;
    topology.peers.resize(2);
    topology.peers[0].name = self;
    topology.peers[0].short_id = std::uint16_t{1};
    topology.peers[1].name = remote;
    topology.peers[1].short_id = std::uint16_t{2};
    view_.publish(std::make_shared<const LaneView>(
        LaneView{.ids = fastdp::PeerIds(topology), .datapath = kernel_.index(), .bridge = bridge}));
  }

  /// The kernel may hand up what was sent a while later.
  bool cycle_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (!condition() && std::chrono::steady_clock::now() < deadline) {
      pollfd readable{lane_port_->port().fd(), POLLIN, 0};
      ::poll(&readable, 1, 100);
      lanes_.cycle_until_idle();
    }
    return condition();
  }

  weft::testing::SimWorld world_;
  weft::testing::FakeHost host_{world_};
  weft::testing::FakeLanes& lanes_ = host_.lanes();
  Kernel kernel_ = open_datapath();
  Counters counters_{host_.metrics()};
  CountingDataplane dataplane_;
  LaneLocal<LaneView> view_{lanes_};
  Doorbell bell_;
  std::unique_ptr<LanePort> lane_port_;
  LaneRegistration registration_;
};

TEST_F(OdpLaneTest, CountsUpcallsThatDidNotFitAndReadsOn) {
  publish(add_port(kernel_, 0));
  const int smallest = 1;
  ASSERT_EQ(
      ::setsockopt(lane_port_->port().fd(), SOL_SOCKET, SO_RCVBUF, &smallest, sizeof smallest), 0);

  send(0, 1000);
  EXPECT_TRUE(
      cycle_until([&] { return counters_.overruns.value() != 0 && dataplane_.frames != 0; }));
  EXPECT_LT(dataplane_.frames, 1000U);
  EXPECT_GE(counters_.misses.value(), dataplane_.frames);

  const std::size_t before = dataplane_.frames;
  send(0, 1);
  EXPECT_TRUE(cycle_until([&] { return dataplane_.frames > before; }));
}

TEST_F(OdpLaneTest, ReadsOnFromADatapathThatWasMadeAgain) {
  publish(add_port(kernel_, 0));
  auto notifications = nl::Socket::open(NETLINK_GENERIC);
  ASSERT_TRUE(notifications);
  for (const unsigned group : kernel_.groups()) {
    ASSERT_TRUE(notifications->join(group));
  }
  ASSERT_EQ(kernel_.restore().value_or(true), false);
  ASSERT_TRUE(delete_datapath(kernel_));
  bool is_told = false;
  ASSERT_TRUE(notifications->receive(
      [&](const nlmsghdr& message) { is_told = is_told || kernel_.is_deletion(message); }));
  EXPECT_TRUE(is_told);

  const int before = kernel_.index();
  ASSERT_EQ(kernel_.restore().value_or(false), true);
  EXPECT_NE(kernel_.index(), before);
  const auto port = kernel_.ensure_vport({.name = "far0"});  // the device is still there
  ASSERT_TRUE(port);
  publish(*port);
  send(0, 1);
  EXPECT_TRUE(cycle_until([&] { return dataplane_.frames != 0; }));
}

TEST_F(OdpLaneTest, CountsFramesThatTheKernelRefusesAndReadsOn) {
  publish(add_port(kernel_, 0));
  std::array<std::byte, 60> octets{};
  const std::array<Frame, 2> frames{Frame{octets.data(), 60}, Frame{octets.data(), 60}};
  constexpr PortNumber beyond_every_port = 70'000;

  EXPECT_EQ(lane_port_->forward(lanes_.lane(), self, remote, {{}, beyond_every_port}, frames), 2U);
  send(0, 1);
  EXPECT_TRUE(cycle_until([&] {
    return counters_.execute_errors.value() == 2 && dataplane_.frames == 1;
  })) << counters_.execute_errors.value()
      << " errors, " << dataplane_.frames << " frames";
}

}  // namespace
}  // namespace weft::odp
