/// One encrypted connection as it begins and lasts: who offers a key when. The kernel's IPsec is
/// real, time moves by hand, and the test says what the peer sends.

#include "session.hpp"

#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include <gtest/gtest.h>

#include <weft/testing/fake_host.hpp>

#include "ipsec/keys.hpp"
#include "testing/no_forwarder.hpp"

namespace weft::fastdp {
namespace {

using namespace std::chrono_literals;

/// Towards a peer that listens at another port than this node.
constexpr TunnelPort tunnel{.number = 3, .udp_port = 7784};
constexpr std::uint32_t local_address = 0x0a630001;
constexpr std::uint32_t remote_address = 0x0a630002;

constexpr std::uint8_t heartbeat_ack = 0;  // Weave Net's FastDatapathHeartbeatAck
constexpr std::uint8_t crypto_offer = 1;   // and FastDatapathCryptoInitSARemote

struct Listener final : OverlayListener {
  void on_established() override {}
  void on_failed(Error reason) override { ADD_FAILURE() << reason.message(); }
  void on_health(bool /*is_healthy*/) override {}
  void send_control(std::uint8_t subtag, Bytes body) override {
    if (subtag == crypto_offer) {
      offers.push_back(std::move(body));
    } else if (subtag == heartbeat_ack) {
      ++acks;
    }
  }

  std::vector<Bytes> offers;
  int acks = 0;
};

Bytes peers_offer() {
  return encode(ipsec::SaOffer{.spi = 0xc0ffee01});
}

OverlayLink connection(std::chrono::milliseconds heartbeat) {
  OverlayLink link;
  link.local = PeerName{0x020000009901};
  link.remote = PeerName{0x020000009902};
  link.local_address = {net::IpAddress::v4(local_address), 40000};
  link.remote_address = {net::IpAddress::v4(remote_address), 7783};
  link.session_key.emplace();
  link.heartbeat = heartbeat;
  link.timeout = 3 * heartbeat;
  return link;
}

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() {
    EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
    ipsec_ = ipsec::Ipsec::open(host_.loop(), /*tunnel_port=*/6784).value();
  }
  ~SessionTest() override {
    session_->stop();
    session_->take_encryption().reset();
  }

  void begin_with_weft() { begin(connection(1s)); }
  void begin_with_weave_net() { begin(connection(0s)); }

  void begin(const OverlayLink& link) {
    session_ = std::make_shared<Session>(
        Session::Context{host_.loop(), host_.as_host().log(),
                         [this](PeerName, const TunnelOutput&, const auto&) { ++heartbeats_; },
                         [] {}, [this] { return ipsec_.get(); },
                         [](const auto&, const auto&) { return false; }, [](Session&) {},
                         [](Session&) {}},
        link, std::make_shared<testing::NoForwarder>(), listener_);
  }

  /// Those that open packets from the peer.
  [[nodiscard]] static std::ptrdiff_t inbound_associations() {
    const auto all = ipsec::Xfrm::open()->associations().value();
    return std::ranges::count(all, net::IpAddress::v4(local_address),
                              [](const auto& each) { return each.direction.destination; });
  }

  weft::testing::SimWorld world_;
  weft::testing::FakeHost host_{world_};
  std::unique_ptr<ipsec::Ipsec> ipsec_;
  std::shared_ptr<Listener> listener_ = std::make_shared<Listener>();
  int heartbeats_ = 0;
  std::shared_ptr<Session> session_;
};

TEST_F(SessionTest, OffersAWeftPeerItsKeyAtOnce) {
  begin_with_weft();

  session_->begin(tunnel, 1376);
  EXPECT_EQ(listener_->offers.size(), 1U);
  EXPECT_EQ(heartbeats_, 0);  // there is no way to encrypt them yet

  session_->on_control(crypto_offer, peers_offer());
  EXPECT_EQ(listener_->offers.size(), 1U);
  EXPECT_EQ(heartbeats_, 2);  // of two sizes
}

// A Weave Net peer that gets an offer before it confirmed its side never sends a heartbeat. It
// makes its own when it confirms.
TEST_F(SessionTest, OffersWeaveNetItsKeyOnceThatOffered) {
  begin_with_weave_net();

  session_->begin(tunnel, 1376);
  EXPECT_TRUE(listener_->offers.empty());
  EXPECT_EQ(heartbeats_, 0);

  session_->on_control(crypto_offer, peers_offer());
  EXPECT_EQ(listener_->offers.size(), 1U);
  EXPECT_EQ(heartbeats_, 1);
  EXPECT_EQ(inbound_associations(), 1);
}

TEST_F(SessionTest, KeepsAnOfferThatComesBeforeItConfirms) {
  begin_with_weft();
  session_->on_control(crypto_offer, peers_offer());
  EXPECT_TRUE(listener_->offers.empty());

  session_->begin(tunnel, 1376);

  EXPECT_EQ(listener_->offers.size(), 1U);
  EXPECT_EQ(heartbeats_, 2);
}

TEST_F(SessionTest, KeepsWeaveNetsOfferThatComesBeforeItConfirms) {
  begin_with_weave_net();
  session_->on_control(crypto_offer, peers_offer());
  EXPECT_TRUE(listener_->offers.empty());

  session_->begin(tunnel, 1376);

  EXPECT_EQ(listener_->offers.size(), 1U);
  EXPECT_EQ(heartbeats_, 1);
}

TEST_F(SessionTest, RenewsItsKeyTowardsAWeftPeerTwiceADay) {
  begin_with_weft();
  session_->begin(tunnel, 1376);
  session_->on_control(crypto_offer, peers_offer());

  world_.run_for(12h);
  ASSERT_EQ(listener_->offers.size(), 2U);
  EXPECT_NE(listener_->offers[0], listener_->offers[1]);
  world_.run_for(12h);
  EXPECT_EQ(listener_->offers.size(), 3U);
  EXPECT_EQ(inbound_associations(), 2);  // until the peer uses the new one

  world_.run_for(ipsec::rekey_patience + 2s);
  EXPECT_EQ(inbound_associations(), 1);
}

/// This thread may not change the kernel's network.
class WithoutPower {
 public:
  WithoutPower() {
    EXPECT_EQ(::syscall(SYS_capget, &header_, before_.data()), 0);
    auto without = before_;
    without[0].effective &= ~(1U << CAP_NET_ADMIN);
    EXPECT_EQ(::syscall(SYS_capset, &header_, without.data()), 0);
  }
  ~WithoutPower() { EXPECT_EQ(::syscall(SYS_capset, &header_, before_.data()), 0); }

 private:
  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> before_{};
};

TEST_F(SessionTest, RenewsItsKeyAMinuteLaterWhenTheKernelRefused) {
  begin_with_weft();
  session_->begin(tunnel, 1376);
  session_->on_control(crypto_offer, peers_offer());
  {
    const WithoutPower refused;
    world_.run_for(12h + 1s);
    EXPECT_EQ(listener_->offers.size(), 1U);
  }
  world_.run_for(1min);
  EXPECT_EQ(listener_->offers.size(), 2U);
  world_.run_for(12h);
  EXPECT_EQ(listener_->offers.size(), 3U);
}

TEST_F(SessionTest, OffersWeaveNetOneKeyForAllTime) {
  begin_with_weave_net();
  session_->begin(tunnel, 1376);
  session_->on_control(crypto_offer, peers_offer());
  session_->on_control(crypto_offer, peers_offer());

  world_.run_for(48h);

  EXPECT_EQ(listener_->offers.size(), 1U);
  EXPECT_EQ(inbound_associations(), 1);
}

TEST_F(SessionTest, GuardsThePortThatTheConnectionUses) {
  begin_with_weft();
  session_->begin(tunnel, 1376);

  const std::set<ipsec::Tunnel> guarded = ipsec::Firewall::open()->tunnels();
  EXPECT_EQ(guarded, (std::set<ipsec::Tunnel>{{net::IpAddress::v4(local_address),
                                               net::IpAddress::v4(remote_address), 7784}}));
}

TEST_F(SessionTest, HearsOnlyWhatTheGuardCovers) {
  begin_with_weave_net();
  session_->begin(tunnel, 1376);
  session_->on_control(crypto_offer, peers_offer());

  const Heartbeat heartbeat{.frame_bytes = 1390};
  session_->on_heartbeat(tunnel.number - 1, remote_address, heartbeat);
  session_->on_heartbeat(tunnel.number, remote_address + 1, heartbeat);
  EXPECT_EQ(listener_->acks, 0);

  session_->on_heartbeat(tunnel.number, remote_address, heartbeat);
  EXPECT_EQ(listener_->acks, 1);
}

}  // namespace
}  // namespace weft::fastdp
