/// One encrypted connection as it begins and lasts: who offers a key when. The kernel's IPsec is
/// real, time moves by hand, and the test says what the peer sends.

#include "session.hpp"

#include <sched.h>

#include <algorithm>

#include <gtest/gtest.h>

#include <weft/testing/fake_host.hpp>

#include "ipsec/keys.hpp"

namespace weft::odp {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t tunnel_port = 6784;
constexpr std::uint8_t crypto_offer = 1;  // the original's FastDatapathCryptoInitSARemote

struct Listener final : OverlayListener {
  void on_established() override {}
  void on_failed(Error reason) override { ADD_FAILURE() << reason.message(); }
  void on_health(bool /*is_healthy*/) override {}
  void send_control(std::uint8_t subtag, Bytes body) override {
    if (subtag == crypto_offer) {
      offers.push_back(std::move(body));
    }
  }

  std::vector<Bytes> offers;
};

Bytes peers_offer() {
  return encode(ipsec::SaOffer{.spi = 0xc0ffee01});
}

OverlayLink connection(std::chrono::milliseconds heartbeat) {
  OverlayLink link;
  link.local = PeerName{0x020000009901};
  link.remote = PeerName{0x020000009902};
  link.local_address = net::parse_endpoint("10.99.0.1:6783").value();
  link.remote_address = net::parse_endpoint("10.99.0.2:40000").value();
  link.session_key.emplace();
  link.heartbeat = heartbeat;
  link.timeout = 3 * heartbeat;
  return link;
}

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() {
    EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
    ipsec_ = ipsec::Ipsec::open(host_.loop(), tunnel_port).value();
  }
  ~SessionTest() override {
    session_->stop();
    session_->take_encryption().reset();
  }

  void begin_with_weft() { begin(connection(1s)); }
  void begin_with_original() { begin(connection(0s)); }

  void begin(const OverlayLink& link) {
    session_ = std::make_shared<Session>(
        Session::Context{host_.loop(), host_.as_host().log(),
                         [this](PeerName, const TunnelOutput&, const auto&) { ++heartbeats_; },
                         [] {}, [this] { return ipsec_.get(); }},
        link, std::make_shared<TunnelForwarder>(host_.lanes(), nullptr), listener_);
  }

  /// Those that open packets from the peer.
  [[nodiscard]] static std::ptrdiff_t inbound_associations() {
    const auto all = ipsec::Xfrm::open()->associations().value();
    return std::ranges::count(all, net::IpAddress::v4(0x0a630001),
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

  session_->confirm(2, 1376);
  EXPECT_EQ(listener_->offers.size(), 1U);
  EXPECT_EQ(heartbeats_, 0);  // there is no way to encrypt them yet

  session_->on_control(crypto_offer, peers_offer());
  EXPECT_EQ(listener_->offers.size(), 1U);
  EXPECT_EQ(heartbeats_, 2);  // of two sizes
}

// An original that gets an offer before it confirmed its side never sends a heartbeat. It makes its
// own when it confirms.
TEST_F(SessionTest, OffersAnOriginalItsKeyOnceTheOriginalOffered) {
  begin_with_original();

  session_->confirm(2, 1376);
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

  session_->confirm(2, 1376);

  EXPECT_EQ(listener_->offers.size(), 1U);
  EXPECT_EQ(heartbeats_, 2);
}

TEST_F(SessionTest, KeepsAnOriginalsOfferThatComesBeforeItConfirms) {
  begin_with_original();
  session_->on_control(crypto_offer, peers_offer());
  EXPECT_TRUE(listener_->offers.empty());

  session_->confirm(2, 1376);

  EXPECT_EQ(listener_->offers.size(), 1U);
  EXPECT_EQ(heartbeats_, 1);
}

TEST_F(SessionTest, RenewsItsKeyTowardsAWeftPeerTwiceADay) {
  begin_with_weft();
  session_->confirm(2, 1376);
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

TEST_F(SessionTest, OffersAnOriginalOneKeyForAllTime) {
  begin_with_original();
  session_->confirm(2, 1376);
  session_->on_control(crypto_offer, peers_offer());
  session_->on_control(crypto_offer, peers_offer());

  world_.run_for(48h);

  EXPECT_EQ(listener_->offers.size(), 1U);
  EXPECT_EQ(inbound_associations(), 1);
}

}  // namespace
}  // namespace weft::odp
