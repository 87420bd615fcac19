/// What peers may send and must not achieve: each case that crashes, hangs or bloats Weave Net.

#include <gtest/gtest.h>

#include "interop/vectors.hpp"

#include "gossip/channels.hpp"
#include "gossip/testing/raw_peer.hpp"

namespace weft::gossip {
namespace {

class Hostile : public ::testing::Test {
 protected:
  SimMesh mesh;
  SimNode& node = mesh.add(1);
  RawPeer peer{mesh.world, 2};
};

/// No frame of the fast path passes until others know the new one.
TEST(Rival, AShortIdThatHadToBeGivenUpIsReplacedAtOthersSoon) {
  SimMesh mesh;
  mesh.add_as(1, 50, {});
  SimNode& other = mesh.add(60);
  ASSERT_TRUE(mesh.converge(10s));
  mesh.world.run_for(5s);
  const auto known = [&]() -> std::uint16_t {
    for (const auto& peer : other.topology()->peers) {
      if (peer.name == PeerName{50}) {
        return peer.short_id.value_or(0);
      }
    }
    return 0;
  };

  RawPeer rival{mesh.world, 2};  // a lower name
  rival.short_id = known();
  rival.meet();

  EXPECT_TRUE(mesh.world.run_until([&] { return known() != rival.short_id; }, 200ms));
}

TEST_F(Hostile, AStrangersOctetsEndTheConnectionAtOnce) {
  peer.dial();
  peer.write(text("GET / HTTP/1.1\r\n\r\n"));

  EXPECT_TRUE(mesh.world.run_until([&] { return peer.is_closed; }, 1s));
  EXPECT_EQ(node.dropped("not-a-peer"), 1U);
}

TEST_F(Hostile, ASlowHeaderIsCutByItsDeadline) {
  peer.dial();
  for (int i = 0; i < 6; ++i) {
    peer.write(text(std::string(1, "weave\x01"[i])));
    mesh.world.run_for(1s);
  }
  EXPECT_FALSE(peer.is_closed);

  EXPECT_TRUE(mesh.world.run_until([&] { return peer.is_closed; }, 5s));
  EXPECT_EQ(node.dropped("handshake-timeout"), 1U);
}

TEST_F(Hostile, SlowFeaturesAreCutByTheirDeadline) {
  peer.dial();
  peer.write(octets({'w', 'e', 'a', 'v', 'e', 1, 2, 0, 0, 0, 1, 0}));
  for (int i = 0; i < 59; ++i) {
    peer.write(repeated(1, 7));
    mesh.world.run_for(1s);
  }
  EXPECT_FALSE(peer.is_closed);

  EXPECT_TRUE(mesh.world.run_until([&] { return peer.is_closed; }, 3s));
  EXPECT_EQ(node.dropped("handshake-timeout"), 1U);
}

TEST_F(Hostile, ALengthBeyondTheLimitEndsTheConnectionBeforeAnyOctetOfIt) {
  peer.meet();
  peer.write(octets({0x00, 0xA0, 0x00, 0x01}));  // 10 MiB and one

  EXPECT_TRUE(mesh.world.run_until([&] { return peer.is_closed; }, 1s));
  EXPECT_EQ(node.dropped("malformed"), 1U);
}

TEST_F(Hostile, EmptyAndUnknownMessagesAreIgnored) {
  peer.meet();
  peer.send({});
  peer.send(octets({8, 1, 2, 3}));
  peer.send(octets({255}));
  peer.send(octets({0, 1, 2, 3}));  // a heartbeat with a body

  mesh.world.run_for(1s);

  EXPECT_FALSE(peer.is_closed);
}

TEST_F(Hostile, OverlayControlOfAnyShapeIsForTheSwitchAlone) {
  peer.meet();
  for (const Bytes& body : {octets({7}), octets({7, 9}), octets({7, 0}), octets({7, 255, 255, 255}),
                            octets({1}), octets({2}), octets({3}), octets({3, 1})}) {
    peer.send(body);
  }

  mesh.world.run_for(1s);

  EXPECT_FALSE(peer.is_closed);
}

TEST_F(Hostile, MalformedGossipEndsTheConnection) {
  for (const unsigned tag : {4U, 5U, 6U}) {
    RawPeer other(mesh.world, 10 + tag, /*is_weft=*/true);
    other.meet();
    other.send(octets({tag, 1, 2, 3}));
    EXPECT_TRUE(mesh.world.run_until([&] { return other.is_closed; }, 1s)) << tag;
  }
  EXPECT_EQ(node.dropped("malformed"), 3U);
}

TEST_F(Hostile, AMalformedTopologyLeavesTheTableAsItWas) {
  peer.meet();
  Bytes payload = testing::golden("topology.txt", "topology-3-peers");
  payload.pop_back();
  peer.send(mesh::encode_message(mesh::Gossip{"topology", PeerName{2}, payload}));

  EXPECT_TRUE(mesh.world.run_until([&] { return peer.is_closed; }, 1s));
  mesh.world.run_for(3s);
  EXPECT_EQ(node.topology()->peers.size(), 1U);
}

TEST_F(Hostile, ATopologyUnicastEndsTheConnection) {
  RawPeer weft(mesh.world, 3, /*is_weft=*/true);
  weft.meet();
  weft.send(
      mesh::encode_message(mesh::GossipUnicast{"topology", PeerName{3}, PeerName{1}, Bytes(3)}));

  EXPECT_TRUE(mesh.world.run_until([&] { return weft.is_closed; }, 500ms));
  EXPECT_EQ(node.dropped("malformed"), 1U);
}

TEST_F(Hostile, UnknownChannelsAreRememberedUpToALimit) {
  peer.meet();
  for (int i = 0; i < 500; ++i) {
    peer.send(
        mesh::encode_message(mesh::Gossip{"channel" + std::to_string(i), PeerName{2}, Bytes(10)}));
  }
  mesh.world.run_for(1s);

  EXPECT_FALSE(peer.is_closed);
  EXPECT_EQ(node.counted("weft_gossip_surrogate_messages_ignored_total",
                         "Messages of unknown channels beyond those remembered."),
            500U - Channels::max_surrogates);
}

TEST_F(Hostile, AUnicastToNowhereIsDroppedAndCounted) {
  peer.meet();
  peer.send(mesh::encode_message(
      mesh::GossipUnicast{"IPallocation", PeerName{2}, PeerName{99}, Bytes(3)}));
  mesh.world.run_for(100ms);

  EXPECT_FALSE(peer.is_closed);
  EXPECT_EQ(node.counted("weft_gossip_unicasts_undeliverable_total",
                         "Unicasts dropped for want of a route or of room."),
            1U);
}

TEST_F(Hostile, ASecondConnectionOfOnePeerLeavesExactlyOne) {
  peer.meet(1);
  RawPeer again(mesh.world, 2);
  again.meet(2);
  mesh.world.run_for(1s);

  EXPECT_NE(peer.is_closed, again.is_closed);
  EXPECT_EQ(node.dropped("duplicate"), 1U);
  EXPECT_EQ(node.topology()->find(PeerName{1})->connections.size(), 1U);
  EXPECT_TRUE(node.gone.empty());
}

TEST_F(Hostile, AnOriginalIsGivenAMinuteOfSilence) {
  peer.meet();
  mesh.world.run_for(59s);
  EXPECT_FALSE(peer.is_closed);

  EXPECT_TRUE(mesh.world.run_until([&] { return peer.is_closed; }, 2s));
  EXPECT_EQ(node.dropped("silent"), 1U);
}

TEST_F(Hostile, AnOriginalHearsFromUsEveryHalfMinute) {
  peer.meet();
  mesh.world.run_for(2s);
  const auto heard = peer.received.size();

  EXPECT_TRUE(mesh.world.run_until([&] { return peer.received.size() > heard; }, 31s));
}

TEST_F(Hostile, AWeftPeerThatFallsSilentIsDroppedWithinASecond) {
  RawPeer weft(mesh.world, 3, /*is_weft=*/true);
  weft.meet();

  EXPECT_TRUE(mesh.world.run_until([&] { return weft.is_closed; }, 1s));
}

TEST_F(Hostile, ATruncatedIntroductionLeavesNothingBehind) {
  const Bytes whole = testing::golden("handshake-v2.txt", "intro-v2-plain-connector");
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    RawPeer partial(mesh.world, 2);
    partial.dial();
    partial.write({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)});
    mesh.world.run_for(60ms);
  }
  mesh.world.run_for(5s);

  EXPECT_EQ(node.topology()->peers.size(), 1U);
  EXPECT_LE(mesh.world.network().open_sockets(), 1U);
}

}  // namespace
}  // namespace weft::gossip
