/// A connection in clear, with heartbeats that the test makes up.

#include "session.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include <weft/net/headers.hpp>
#include <weft/testing/fake_host.hpp>

#include "testing/no_forwarder.hpp"

namespace weft::fastdp {
namespace {

using namespace std::chrono_literals;

constexpr TunnelPort tunnel{.number = 2, .udp_port = 6784};
constexpr std::uint32_t local_address = 0x0a630001;
constexpr std::uint32_t remote_address = 0x0a630002;
constexpr std::uint32_t other_address = 0x0a630009;
constexpr std::uint32_t pods_mtu = 1376;

struct Listener final : OverlayListener {
  void on_established() override { ++established; }
  void on_failed(Error reason) override { ADD_FAILURE() << reason.message(); }
  void on_health(bool is_healthy) override { health.push_back(is_healthy); }
  void send_control(std::uint8_t /*subtag*/, Bytes /*body*/) override { ++acks; }

  int established = 0;
  int acks = 0;
  std::vector<bool> health;
};

class ClearSessionTest : public ::testing::Test {
 protected:
  ~ClearSessionTest() override { session_->stop(); }

  void begin(std::chrono::milliseconds heartbeat) {
    OverlayLink link;
    link.local = PeerName{0x020000009901};
    link.remote = PeerName{0x020000009902};
    link.local_address = {net::IpAddress::v4(local_address), 40000};
    link.remote_address = {net::IpAddress::v4(remote_address), 6783};
    link.heartbeat = heartbeat;
    link.timeout = 3 * heartbeat;
    Session::Context context{host_.loop(),
                             host_.as_host().log(),
                             [this](PeerName, const TunnelOutput& output, const auto&) {
                               sent_to_.push_back(output.tunnel.destination);
                             },
                             [] {},
                             [] { return nullptr; },
                             [this](const net::IpAddress&, const net::IpAddress& remote) {
                               EXPECT_EQ(remote, net::IpAddress::v4(remote_address));
                               ++asked_;
                               forgotten_ += is_told_ ? 1 : 0;
                               return std::exchange(is_told_, is_true_ && is_told_);
                             },
                             [](Session& session) { session.begin(tunnel, pods_mtu); },
                             [](Session& session) { session.stop(); }};
    session_ = std::make_shared<Session>(std::move(context), link,
                                         std::make_shared<testing::NoForwarder>(), listener_);
    session_->confirm();
  }

  bool heartbeat_from(std::uint32_t address, overlay::MtuEcho echo = {}) {
    return session_->on_heartbeat(
        tunnel.number, address,
        {.frame_bytes = static_cast<std::uint16_t>(pods_mtu + net::ethernet_header_bytes),
         .echo = echo});
  }

  weft::testing::SimWorld world_;
  weft::testing::FakeHost host_{world_};
  std::shared_ptr<Listener> listener_ = std::make_shared<Listener>();
  std::vector<std::uint32_t> sent_to_;
  int asked_ = 0;
  int forgotten_ = 0;
  bool is_told_ = false;  // the kernel was told of a smaller path MTU
  bool is_true_ = false;  // and is told again when it forgot
  std::shared_ptr<Session> session_;
};

TEST_F(ClearSessionTest, StaysAtTheAddressOfItsTcpConnection) {
  for (const auto heartbeat : {0ms, 1000ms}) {
    begin(heartbeat);

    EXPECT_FALSE(heartbeat_from(other_address, {pods_mtu, pods_mtu})) << "a copy";
    world_.run_for(1s);

    EXPECT_EQ(session_->output()->tunnel.destination, remote_address);
    EXPECT_EQ(std::ranges::count(sent_to_, other_address), 0);
    EXPECT_EQ(listener_->acks, 0);
    EXPECT_EQ(listener_->established, 0);
    session_->stop();
  }
}

TEST_F(ClearSessionTest, TakesNoCopyForASignOfLife) {
  begin(1s);
  ASSERT_TRUE(heartbeat_from(remote_address, {pods_mtu, pods_mtu}));
  ASSERT_EQ(listener_->established, 1);

  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(heartbeat_from(other_address, {pods_mtu, pods_mtu}));
    world_.run_for(500ms);
  }

  EXPECT_EQ(listener_->health, std::vector{false});
}

TEST_F(ClearSessionTest, HasTheKernelForgetTheMtuThatLimitsIt) {
  begin(1s);
  ASSERT_TRUE(heartbeat_from(remote_address, {pods_mtu, pods_mtu}));
  ASSERT_EQ(session_->status().mtu, pods_mtu);
  EXPECT_EQ(asked_, 0);

  is_told_ = true;
  ASSERT_TRUE(heartbeat_from(remote_address, {pods_mtu, 0}));  // ours do not arrive any more
  EXPECT_EQ(forgotten_, 1);
  ASSERT_TRUE(heartbeat_from(remote_address, {pods_mtu, pods_mtu}));
  EXPECT_EQ(session_->status().mtu, pods_mtu);

  is_told_ = true;  // forged again
  ASSERT_TRUE(heartbeat_from(remote_address, {pods_mtu, 0}));
  EXPECT_EQ(forgotten_, 1) << "not more often than every 10 s";
  for (int i = 0; i < 10; ++i) {
    world_.run_for(1s);
    ASSERT_TRUE(heartbeat_from(remote_address, {pods_mtu, 0}));
  }
  EXPECT_EQ(forgotten_, 2);
}

TEST_F(ClearSessionTest, LeavesTheKernelAloneWhereAReportIsTrue) {
  begin(1s);
  is_told_ = is_true_ = true;
  const auto run = [&] {
    for (int i = 0; i < 60; ++i) {
      ASSERT_TRUE(heartbeat_from(remote_address, {pods_mtu, 1000}));
      world_.run_for(1s);
    }
  };
  run();
  EXPECT_NEAR(session_->status().mtu, 1000, overlay::EchoedMtu::precision);
  const int forgotten = forgotten_;
  EXPECT_LE(forgotten, 2);
  run();
  EXPECT_EQ(forgotten_, forgotten);
}

TEST_F(ClearSessionTest, HasTheKernelForgetTowardsAnOriginal) {
  begin(0ms);
  is_told_ = true;
  world_.run_for(11s);
  EXPECT_EQ(forgotten_, 1);
}

}  // namespace
}  // namespace weft::fastdp
