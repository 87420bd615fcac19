/// Two overlays agree on fresh keys, or do without.
#include "overlay_test_support.hpp"

namespace weft::sleeve {
namespace {

using namespace testing;

/// Between weft peers, encrypted: time, traffic and control messages of a busy connection.
class OverlayKeysTest : public OverlayTest {
 protected:
  void connect_weft_peers() { connect(golden_key(), 1s, 10s); }

  /// A second after another: each side sends a frame before and after control messages travel.
  void run_with_traffic(int seconds) {
    const Bytes frame = ipv4_frame(100, true);
    for (int second = 0; second < seconds; ++second) {
      world.run_for(1s);
      for (int half = 0; half < 2; ++half) {
        sent += send(*a, end_a, peer_a, peer_b, frame);
        sent += send(*b, end_b, peer_b, peer_a, frame);
        a->cycle();
        b->cycle();
        carry(end_a, end_b);
        carry(end_b, end_a);
        world.run_for(0ms);
      }
    }
  }
  [[nodiscard]] std::size_t arrived() const {
    return a->dataplane.arrivals.size() + b->dataplane.arrivals.size();
  }
  [[nodiscard]] static std::string cipher_of(const Node& node) {
    return node.overlay.describe().at(0).cipher;
  }

  std::size_t sent = 0;
};

TEST_F(OverlayKeysTest, GoesOnToAnAeadAtOnce) {
  connect_weft_peers();

  EXPECT_EQ(cipher_of(*a), to_string(Ciphers().usable().best_common(Ciphers().usable())));
  EXPECT_EQ(cipher_of(*b), cipher_of(*a));
  EXPECT_EQ(end_a.connection->status().mtu, 1414U) << "as with secretbox";
  run_with_traffic(2);
  EXPECT_EQ(arrived(), sent);
}

TEST_F(OverlayKeysTest, KeepsNumbersThatNobodyCanKnowOutOfItsLanes) {
  if (!SenderFilter::open()) {
    GTEST_SKIP() << "needs CAP_BPF";
  }
  connect_weft_peers();
  run_with_traffic(3);  // of generation 1
  const auto forged = b->dropped(Drop::forged);
  const auto not_fresh = b->dropped(Drop::not_fresh);
  Bytes guess(200);
  store_peer_name(guess.data(), peer_a);

  for (std::uint64_t number = 0; number < 100; ++number) {
    const std::uint64_t word = std::uint64_t{65} << 56U | number << 40U;
    store_be(guess.data() + peer_name_bytes, word);
    inject(guess);
    store_be(guess.data() + peer_name_bytes, std::uint64_t{1} << 63U | word);
    inject(guess);
  }
  run_with_traffic(2);

  EXPECT_EQ(b->dropped(Drop::forged), forged);
  EXPECT_EQ(b->dropped(Drop::not_fresh), not_fresh + 200);
}

TEST_F(OverlayKeysTest, StaysWithSecretboxTowardsOriginals) {
  connect(golden_key());

  EXPECT_EQ(cipher_of(*a), "xsalsa20-poly1305");
  for (const auto& [subtag, body] : end_a.listener->controls) {
    EXPECT_LE(subtag, 3);
  }
  run_with_traffic(2);
  EXPECT_EQ(arrived(), sent);
}

TEST_F(OverlayKeysTest, StaysWithSecretboxTowardsAPeerThatIgnoresOffers) {
  const auto link = [](OverlayLink of, std::chrono::milliseconds heartbeat) {
    of.session_key = golden_key();
    of.heartbeat = heartbeat;
    of.timeout = 10 * heartbeat;
    return of;
  };
  start(end_b, *b, link(link_of_b(), 0ms));
  start(end_a, *a, link(link_of_a(), 1s));
  pump();

  EXPECT_EQ(b->dropped(Drop::bad_control), 1U);
  EXPECT_EQ(cipher_of(*a), "xsalsa20-poly1305");
  run_with_traffic(200);
  EXPECT_EQ(arrived(), sent);
  EXPECT_TRUE(end_a.listener->failures.empty());
}

TEST_F(OverlayKeysTest, LosesNoFrameWhileKeysChange) {
  connect_weft_peers();

  run_with_traffic(400);

  EXPECT_EQ(arrived(), sent);
  EXPECT_EQ(sent, 1600U);
  EXPECT_EQ(a->counted("weft_sleeve_rekeys_total"), 4U);
  EXPECT_EQ(b->counted("weft_sleeve_rekeys_total"), 4U);
  EXPECT_EQ(a->dropped(Drop::forged) + b->dropped(Drop::forged), 0U);
  EXPECT_EQ(a->dropped(Drop::replayed) + b->dropped(Drop::replayed), 0U);
}

TEST_F(OverlayKeysTest, FailsWhenFreshKeysCannotBeAgreedOn) {
  connect_weft_peers();
  for (int second = 0; second < 190; ++second) {
    world.run_for(1s);
    a->cycle();
    b->cycle();
    for (End* const end : {&end_a, &end_b}) {
      end->listener->controls.clear();
    }
  }

  ASSERT_EQ(end_a.listener->failures.size(), 1U);
  EXPECT_NE(end_a.listener->failures[0].message().find("fresh keys"), std::string::npos);
  EXPECT_EQ(send(*a, end_a, peer_a, peer_b, ipv4_frame(100, false)), 0U);
}

}  // namespace
}  // namespace weft::sleeve
