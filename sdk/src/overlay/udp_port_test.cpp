/// Sockets, ports and lanes over the loopback of a network namespace.

#include <weft/overlay/udp_port.hpp>

#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include <weft/testing/fake_host.hpp>

#include "interop/frames.hpp"

namespace weft::overlay {
namespace {

const net::IpAddress loopback = net::IpAddress::v4(0x7F000001);

class SilentDataplane final : public Dataplane {
 public:
  void from_bridge(Lane& /*lane*/, std::span<const Frame> /*batch*/) noexcept override {}
  void from_overlay(Lane& /*lane*/, const OverlayBatch& batch) noexcept override {
    frames += batch.frames.size();
    last = Bytes(batch.frames.back().bytes().begin(), batch.frames.back().bytes().end());
  }
  void set_bridge_port(std::shared_ptr<BridgePort> /*port*/) override {}

  std::size_t frames = 0;
  Bytes last;
};

/// A header of one octet before each frame.
class TestLane final : public UdpLane {
 public:
  using UdpLane::UdpLane;

  void forward(Lane& lane, const UdpPath& path, std::span<const Frame> frames) noexcept {
    send(lane, path, {PeerName{1}, PeerName{2}, frames}, 1,
         [](std::byte* to, const Frame& /*frame*/) { *to = std::byte{42}; });
  }

 private:
  void on_datagram(Lane& lane, std::span<std::byte> octets) noexcept override {
    if (octets.empty() || octets[0] != std::byte{42}) {
      drop(lane, Drop::malformed);
    } else {
      deliver(lane, PeerName{1}, PeerName{2}, octets, 1);
    }
  }
};

class UdpPortTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0 || std::system("ip link set lo up mtu 1500") != 0) {
      GTEST_SKIP() << "needs CAP_SYS_ADMIN for a network namespace of its own";
    }
    ASSERT_TRUE(open(here));
    ASSERT_TRUE(open(there));
    path = {.is_open = true,
            .destination = here.destination(there.local()),
            .limits = {.mtu = 1400, .kernels_fragment = false}};
  }

  Result<> open(UdpPort<TestLane>& port) {
    return port.open(host.lanes(), {loopback, 0}, {}, [this](UniqueFd socket) {
      return std::make_unique<TestLane>(UdpLane::Context{dataplane, counters}, std::move(socket));
    });
  }

  /// Sends from one port to the other.
  void forward(const Bytes& octets, std::size_t count) {
    std::vector<Bytes> buffers(count, Bytes(frame_headroom));
    std::vector<Frame> frames;
    for (Bytes& buffer : buffers) {
      buffer.insert(buffer.end(), octets.begin(), octets.end());
      frames.push_back({.data = buffer.data() + frame_headroom,
                        .length = static_cast<std::uint32_t>(octets.size()),
                        .headroom = frame_headroom});
    }
    Lane& lane = host.lanes().lane();
    TestLane& from = here.lanes()->on(lane);
    from.forward(lane, path, frames);
    from.flush(lane);
    host.lanes().cycle_until_idle();
  }

  [[nodiscard]] std::uint64_t dropped(Drop reason) {
    return host.metrics()
        .counter("weft_test_dropped_total", "", {{"reason", std::string(to_string(reason))}})
        .value();
  }

  weft::testing::SimWorld world;
  weft::testing::FakeHost host{world};
  SilentDataplane dataplane;
  Counters counters{host.metrics(), "test"};
  UdpPort<TestLane> here;
  UdpPort<TestLane> there;
  UdpPath path;
};

TEST_F(UdpPortTest, CarriesBatchesInPlace) {
  const Bytes frame = frames::ipv4_frame(1400, true);
  forward(frame, max_batch + 3);
  EXPECT_EQ(dataplane.frames, max_batch + 3);
  EXPECT_EQ(dataplane.last, frame);
  EXPECT_EQ(counters.frames_out.value(), max_batch + 3);
  EXPECT_EQ(counters.frames_in.value(), max_batch + 3);
  EXPECT_EQ(counters.copies.value(), 0U);
}

TEST_F(UdpPortTest, AnswersFramesThatDoNotFit) {
  forward(frames::ipv4_frame(1401, true), 2);
  EXPECT_EQ(dropped(Drop::too_big), 2U);
  EXPECT_EQ(counters.frames_out.value(), 0U);
  EXPECT_EQ(dataplane.frames, 2U) << "the answers";
}

TEST_F(UdpPortTest, CountsWhatTheKernelRefuses) {
  path.limits.mtu = 9000;
  forward(frames::ipv4_frame(3000, true), 1);
  EXPECT_EQ(dropped(Drop::too_big), 1U);

  path.destination = here.destination(*net::parse_endpoint("203.0.113.1:6787"));
  forward(frames::ipv4_frame(100, true), 2);
  EXPECT_EQ(dropped(Drop::send_failed), 2U) << "there is no route";
}

TEST_F(UdpPortTest, SendsSingleDatagramsFromTheLoop) {
  here.send(here.destination(there.local()), Bytes(3));
  host.lanes().cycle_until_idle();
  EXPECT_EQ(dropped(Drop::malformed), 1U);
}

TEST_F(UdpPortTest, KnowsThePathMtu) {
  EXPECT_EQ(here.path_mtu(there.local()).value(), 1500U);
  EXPECT_FALSE(here.path_mtu(*net::parse_endpoint("203.0.113.1:6787")));
}

TEST_F(UdpPortTest, LeavesTheLanesWhenItIsClosed) {
  there.close();
  forward(frames::ipv4_frame(100, true), 1);
  EXPECT_EQ(dataplane.frames, 0U);
}

using UdpSocketTest = UdpPortTest;

TEST_F(UdpSocketTest, SharesItsPortAndSendsToMappedAddresses) {
  const auto both = open_udp({{net::Family::v6, {}}, 0}, {}).value();
  EXPECT_EQ(family_of(both), AF_INET6);
  const std::uint16_t port = local_of(both).port;
  EXPECT_NE(port, 0);
  EXPECT_TRUE(open_udp({{net::Family::v6, {}}, port}, {}));

  const Destination to(AF_INET6, there.local(), std::nullopt);
  EXPECT_EQ(send_datagram(both, to, Bytes(3)), 0);
  host.lanes().cycle_until_idle();
  EXPECT_EQ(dropped(Drop::malformed), 1U);
}

TEST_F(UdpSocketTest, RefusesOrFragmentsAsItWasTold) {
  const Destination to(AF_INET, there.local(), loopback);
  const Bytes large(2000);
  for (const auto& [fragmentation, error] :
       {std::pair(Fragmentation::refuse_beyond_path, EMSGSIZE),
        std::pair(Fragmentation::refuse_beyond_interface, EMSGSIZE),
        std::pair(Fragmentation::fragment, 0)}) {
    const auto socket = open_udp({loopback, 0}, {.fragmentation = fragmentation}).value();
    EXPECT_EQ(send_datagram(socket, to, large), error);
  }
}

TEST_F(UdpSocketTest, SendsFromAPortThatItDoesNotListenOn) {
  const auto listener = open_udp({loopback, 0}, {}).value();
  const std::uint16_t port = local_of(listener).port;
  const auto sender = open_udp_sender(AF_INET, port, {}).value();
  const auto receiver = open_udp({loopback, 0}, {}).value();

  EXPECT_EQ(send_datagram(sender, {AF_INET, local_of(receiver), loopback}, Bytes(5)), 0);

  ReceiveBuffers buffers(100);
  ASSERT_EQ(buffers.receive(receiver.get(), 2, 4), 1);
  EXPECT_EQ(buffers.octets(2).size(), 5U);
  EXPECT_EQ(buffers.from(2), (net::Endpoint{loopback, port}));
  EXPECT_EQ(buffers.joined_bytes(2), 0U);
  EXPECT_FALSE(buffers.is_truncated(2));
  EXPECT_LT(buffers.receive(receiver.get(), 0, 4), 0) << "nothing is left";

  EXPECT_EQ(send_datagram(receiver, {AF_INET, {loopback, port}, std::nullopt}, Bytes(200)), 0);
  EXPECT_LT(buffers.receive(sender.get(), 0, 1), 0);
  ASSERT_EQ(buffers.receive(listener.get(), 0, 1), 1);
  EXPECT_TRUE(buffers.is_truncated(0));
}

TEST_F(UdpSocketTest, CountsWhatTheKernelDropped) {
  const auto socket = open_udp({loopback, 0}, {.receive_buffer_bytes = 4096}).value();
  const Destination to(AF_INET, local_of(socket), std::nullopt);
  for (int i = 0; i < 100; ++i) {
    static_cast<void>(send_datagram(socket, to, Bytes(1000)));
  }
  EXPECT_GT(drops_of(socket), 0U);
}

}  // namespace
}  // namespace weft::overlay
