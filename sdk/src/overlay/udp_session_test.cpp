/// What a session makes of heartbeats, in virtual time and without a socket.

#include <weft/overlay/udp_session.hpp>

#include <gtest/gtest.h>

#include <vector>

#include <weft/testing/fake_host.hpp>

namespace weft::overlay {
namespace {

using namespace std::chrono_literals;

class FakeUnderlay final : public Underlay {
 public:
  [[nodiscard]] std::uint16_t port() const noexcept override { return 6787; }
  [[nodiscard]] Destination destination(const net::Endpoint& /*to*/) const override { return {}; }
  void send(const Destination& /*to*/, ByteView octets) noexcept override {
    sent.push_back(
        {load_be<std::uint64_t>(octets.data()), load_be<std::uint64_t>(octets.data() + 8)});
  }
  [[nodiscard]] Result<std::uint32_t> path_mtu(const net::Endpoint& /*to*/) const override {
    return mtu;
  }

  std::uint32_t mtu = 1500;
  std::vector<Stamps> sent;
};

/// Heartbeats are the two stamps.
class TestSession final : public UdpSession {
 public:
  using UdpSession::UdpSession;

  std::size_t forward(Lane& /*lane*/, PeerName /*source*/, PeerName /*destination*/,
                      std::span<const Frame> /*batch*/) noexcept override {
    return 0;
  }

 private:
  [[nodiscard]] Bytes heartbeat(const Stamps& stamps) const override {
    Bytes octets(16);
    store_be(octets.data(), stamps.stamp);
    store_be(octets.data() + 8, stamps.echo);
    return octets;
  }
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

class UdpSessionTest : public ::testing::Test {
 protected:
  UdpSessionTest() {
    link.local = PeerName{1};
    link.remote = PeerName{2};
    link.connection_uid = 77;
    link.remote_address = *net::parse_endpoint("10.0.0.2:6783");
    link.heartbeat = 200ms;
    link.timeout = 700ms;
    session = std::make_shared<TestSession>(
        UdpSession::Context{host.loop(), host.lanes(), host.as_host().log(), counters, underlay},
        UdpSession::Traits{"test", 26}, link, listener);
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
      session->pulse.heard(world.now());
      session->pulse.heard(
          Stamps{1, is_hearing && !underlay.sent.empty() ? underlay.sent.back().stamp : last_echo});
      last_echo = session->pulse.stamps().echo;
    }
  }

  weft::testing::SimWorld world;
  weft::testing::FakeHost host{world};
  OverlayLink link;
  Counters counters{host.metrics(), "test"};
  FakeUnderlay underlay;
  std::shared_ptr<RecordingListener> listener = std::make_shared<RecordingListener>();
  std::shared_ptr<TestSession> session;
  Bytes port_message{std::byte{0x1A}, std::byte{0x83}};
  std::uint64_t last_echo = 0;
};

TEST_F(UdpSessionTest, TellsThePeerItsPortWhenConfirmed) {
  host.loop().run([this] { session->confirm(); });

  ASSERT_EQ(listener->controls.size(), 1U);
  EXPECT_EQ(listener->controls[0].first, 1);
  EXPECT_EQ(listener->controls[0].second, port_message);
  EXPECT_TRUE(underlay.sent.empty());
}

TEST_F(UdpSessionTest, IsEstablishedOnceAStampOfItsOwnComesBack) {
  start();
  talk(300ms, /*is_hearing=*/false);
  EXPECT_EQ(listener->established, 0);
  EXPECT_FALSE(session->path.read().is_open);

  talk(400ms, /*is_hearing=*/true);

  EXPECT_EQ(listener->established, 1);
  EXPECT_TRUE(session->path.read().is_open);
  EXPECT_EQ(session->describe().address, "10.0.0.2:6787");
}

TEST_F(UdpSessionTest, ProbesOftenUntilEstablishedAndThenAsAgreed) {
  start();
  world.run_for(400ms);
  EXPECT_EQ(underlay.sent.size(), 9U);  // at once, then every 50 ms

  talk(200ms, /*is_hearing=*/true);
  const auto before = underlay.sent.size();
  talk(2s, /*is_hearing=*/true);

  EXPECT_EQ(underlay.sent.size(), before + 10);
}

TEST_F(UdpSessionTest, IgnoresStampsItCannotHaveSent) {
  start();
  for (const std::uint64_t echo : {std::uint64_t{1}, UINT64_MAX}) {
    session->pulse.heard(Stamps{1, echo});
    world.run_for(400ms);
  }

  EXPECT_EQ(listener->established, 0);
}

TEST_F(UdpSessionTest, IsNotEstablishedByAGuessedStampBeforeItSentAny) {
  host.loop().run([this] { session->confirm(); });
  world.run_for(100ms);
  session->pulse.heard(
      Stamps{1, static_cast<std::uint64_t>(world.now().time_since_epoch().count())});

  world.run_for(100ms);

  EXPECT_EQ(listener->established, 0);
}

TEST_F(UdpSessionTest, FailsWhenNothingIsHeardForTheAgreedTime) {
  start();
  talk(1s, /*is_hearing=*/true);
  ASSERT_EQ(listener->established, 1);

  world.run_for(600ms);
  EXPECT_TRUE(listener->failures.empty());
  world.run_for(200ms);

  ASSERT_EQ(listener->failures.size(), 1U);
  EXPECT_NE(listener->failures[0].find("hear peer"), std::string::npos);
  EXPECT_FALSE(session->path.read().is_open);
  EXPECT_FALSE(session->status().established);
}

TEST_F(UdpSessionTest, FailsWhenThePeerTalksButNoLongerHears) {
  start();
  talk(1s, /*is_hearing=*/true);

  talk(1500ms, /*is_hearing=*/false);

  ASSERT_EQ(listener->failures.size(), 1U);
  EXPECT_NE(listener->failures[0].find("be heard by peer"), std::string::npos);
}

TEST_F(UdpSessionTest, KeepsAHealthyConnectionForLong) {
  start();

  talk(60s, /*is_hearing=*/true);

  EXPECT_EQ(listener->established, 1);
  EXPECT_TRUE(listener->failures.empty());
}

TEST_F(UdpSessionTest, GivesUpOnAPeerThatNeverAnswers) {
  start();

  world.run_for(11s);

  EXPECT_EQ(listener->failures.size(), 1U);
}

TEST_F(UdpSessionTest, FollowsThePathMtu) {
  start();
  talk(1s, /*is_hearing=*/true);
  EXPECT_EQ(session->status().mtu, 1500U - 20 - 8 - 26 - 14);

  underlay.mtu = 1300;
  talk(300ms, /*is_hearing=*/true);

  EXPECT_EQ(session->status().mtu, 1300U - 20 - 8 - 26 - 14);
  EXPECT_EQ(session->path.read().limits.mtu, 1300U - 20 - 8 - 26 - 14);
}

TEST_F(UdpSessionTest, CountsControlMessagesThatItDoesNotExpect) {
  start();
  host.loop().run([this] {
    session->on_control(9, port_message);
    session->on_control(1, {});
    session->on_control(1, Bytes(2));
    session->on_control(1, port_message);  // once more
  });

  EXPECT_EQ(
      host.metrics().counter("weft_test_dropped_total", "", {{"reason", "bad_control"}}).value(),
      4U);
}

TEST_F(UdpSessionTest, SaysNothingAfterItWasStopped) {
  start();
  host.loop().run([this] { session->end(); });
  const auto sent = underlay.sent.size();

  world.run_for(20s);

  EXPECT_EQ(underlay.sent.size(), sent);
  EXPECT_TRUE(listener->failures.empty());
}

}  // namespace
}  // namespace weft::overlay
