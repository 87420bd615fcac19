/// What a session makes of heartbeats, in virtual time and without a socket.

#include "session.hpp"

#include <gtest/gtest.h>

#include <vector>

#include <weft/testing/fake_host.hpp>

#include "lane_port.hpp"

namespace weft::udp_overlay {
namespace {

using namespace std::chrono_literals;

class FakeWire final : public Wire {
 public:
  [[nodiscard]] std::uint16_t port() const noexcept override { return 6787; }
  [[nodiscard]] Destination destination(const net::Endpoint& /*to*/) const override { return {}; }
  void send(const Destination& /*to*/, ByteView octets) noexcept override {
    Bytes copy(octets.begin(), octets.end());
    const auto datagram = parse(copy);
    ASSERT_TRUE(datagram);
    sent.push_back(heartbeat_of(*datagram));
  }
  [[nodiscard]] Result<std::uint32_t> path_mtu(const net::Endpoint& /*to*/) const override {
    return mtu;
  }

  std::uint32_t mtu = 1500;
  std::vector<Heartbeat> sent;
};

class RecordingListener final : public OverlayListener {
 public:
  void on_established() override { ++established; }
  void on_failed(Error reason) override { failures.push_back(reason.message()); }
  void on_health(bool /*is_healthy*/) override {}
  void send_control(std::uint8_t subtag, Bytes body) override {
    controls.emplace_back(subtag, std::move(body));
  }

  int established = 0;
  std::vector<std::string> failures;
  std::vector<std::pair<std::uint8_t, Bytes>> controls;
};

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() {
    link.local = PeerName{1};
    link.remote = PeerName{2};
    link.connection_uid = 77;
    link.remote_address = *net::parse_endpoint("10.0.0.2:6783");
    link.heartbeat = 200ms;
    link.timeout = 700ms;
    peer = std::make_shared<Peer>(host.lanes(), nullptr, link);
    session = std::make_unique<Session>(
        Session::Context{host.loop(), host.as_host().log(), counters, wire}, link, peer, listener);
  }

  void start() {
    host.loop().run([this] {
      session->confirm();
      session->on_control(1, port_message);
    });
  }

  /// The peer hears everything and answers every 100 ms for `time`, or only talks.
  void talk(Duration time, bool is_hearing) {
    for (Duration passed{0}; passed < time; passed += 100ms) {
      world.run_for(100ms);
      peer->heard(world.now());
      peer->heard(
          Heartbeat{1, is_hearing && !wire.sent.empty() ? wire.sent.back().stamp : last_echo});
      last_echo = peer->last_heartbeat().echo;
    }
  }

  weft::testing::SimWorld world;
  weft::testing::FakeHost host{world};
  OverlayLink link;
  Counters counters{host.metrics()};
  FakeWire wire;
  std::shared_ptr<RecordingListener> listener = std::make_shared<RecordingListener>();
  std::shared_ptr<Peer> peer;
  std::unique_ptr<Session> session;
  Bytes port_message{std::byte{0x1A}, std::byte{0x83}};
  std::uint64_t last_echo = 0;
};

TEST_F(SessionTest, TellsThePeerItsPortWhenConfirmed) {
  host.loop().run([this] { session->confirm(); });

  ASSERT_EQ(listener->controls.size(), 1U);
  EXPECT_EQ(listener->controls[0].first, 1);
  EXPECT_EQ(listener->controls[0].second, port_message);
  EXPECT_TRUE(wire.sent.empty());
}

TEST_F(SessionTest, IsEstablishedOnceAStampOfItsOwnComesBack) {
  start();
  talk(300ms, /*is_hearing=*/false);
  EXPECT_EQ(listener->established, 0);
  EXPECT_FALSE(peer->path.read().is_open);

  talk(400ms, /*is_hearing=*/true);

  EXPECT_EQ(listener->established, 1);
  EXPECT_TRUE(peer->path.read().is_open);
  EXPECT_EQ(session->describe().address, "10.0.0.2:6787");
}

TEST_F(SessionTest, ProbesOftenUntilEstablishedAndThenAsAgreed) {
  start();
  world.run_for(400ms);
  EXPECT_EQ(wire.sent.size(), 9U);  // at once, then every 50 ms

  talk(200ms, /*is_hearing=*/true);
  const auto before = wire.sent.size();
  talk(2s, /*is_hearing=*/true);

  EXPECT_EQ(wire.sent.size(), before + 10);
}

TEST_F(SessionTest, IgnoresStampsItCannotHaveSent) {
  start();
  for (const std::uint64_t echo : {std::uint64_t{1}, UINT64_MAX}) {
    peer->heard(Heartbeat{1, echo});
    world.run_for(400ms);
  }

  EXPECT_EQ(listener->established, 0);
}

TEST_F(SessionTest, IsNotEstablishedByAGuessedStampBeforeItSentAny) {
  host.loop().run([this] { session->confirm(); });
  world.run_for(100ms);
  peer->heard(Heartbeat{1, static_cast<std::uint64_t>(world.now().time_since_epoch().count())});

  world.run_for(100ms);

  EXPECT_EQ(listener->established, 0);
}

TEST_F(SessionTest, FailsWhenNothingIsHeardForTheAgreedTime) {
  start();
  talk(1s, /*is_hearing=*/true);
  ASSERT_EQ(listener->established, 1);

  world.run_for(600ms);
  EXPECT_TRUE(listener->failures.empty());
  world.run_for(200ms);

  ASSERT_EQ(listener->failures.size(), 1U);
  EXPECT_NE(listener->failures[0].find("hear peer"), std::string::npos);
  EXPECT_FALSE(peer->path.read().is_open);
  EXPECT_FALSE(session->status().established);
}

TEST_F(SessionTest, FailsWhenThePeerTalksButNoLongerHears) {
  start();
  talk(1s, /*is_hearing=*/true);

  talk(1500ms, /*is_hearing=*/false);

  ASSERT_EQ(listener->failures.size(), 1U);
  EXPECT_NE(listener->failures[0].find("be heard by peer"), std::string::npos);
}

TEST_F(SessionTest, KeepsAHealthyConnectionForLong) {
  start();

  talk(60s, /*is_hearing=*/true);

  EXPECT_EQ(listener->established, 1);
  EXPECT_TRUE(listener->failures.empty());
}

TEST_F(SessionTest, GivesUpOnAPeerThatNeverAnswers) {
  start();

  world.run_for(11s);

  EXPECT_EQ(listener->failures.size(), 1U);
}

TEST_F(SessionTest, FollowsThePathMtu) {
  start();
  talk(1s, /*is_hearing=*/true);
  EXPECT_EQ(session->status().mtu, 1500U - 20 - 8 - 26 - 14);

  wire.mtu = 1300;
  talk(300ms, /*is_hearing=*/true);

  EXPECT_EQ(session->status().mtu, 1300U - 20 - 8 - 26 - 14);
  EXPECT_EQ(peer->path.read().max_frame_bytes, 1300U - 20 - 8 - 26);
}

TEST_F(SessionTest, CountsControlMessagesThatItDoesNotExpect) {
  start();
  host.loop().run([this] {
    session->on_control(9, port_message);
    session->on_control(1, {});
    session->on_control(1, Bytes(2));
    session->on_control(1, port_message);  // once more
  });

  EXPECT_EQ(host.metrics()
                .counter("weft_udp_overlay_dropped_total", "", {{"reason", "bad_control"}})
                .value(),
            4U);
}

TEST_F(SessionTest, SaysNothingAfterItWasStopped) {
  start();
  host.loop().run([this] { session->stop(); });
  const auto sent = wire.sent.size();

  world.run_for(20s);

  EXPECT_EQ(wire.sent.size(), sent);
  EXPECT_TRUE(listener->failures.empty());
}

}  // namespace
}  // namespace weft::udp_overlay
