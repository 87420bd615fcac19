/// Who is to blame: a neighbour is cut for what it wrote, never for what it passed on.

#include <gtest/gtest.h>

#include "gossip/testing/raw_peer.hpp"

namespace weft::gossip {
namespace {

using namespace std::chrono_literals;

constexpr PeerName us{1};
constexpr PeerName neighbour{2};
constexpr PeerName distant{99};

std::uint64_t refused(SimNode& node, const std::string& reason) {
  return node.counted(
      "weft_gossip_refused_total",
      "Messages and topology entries refused without ending a connection, by reason.",
      {{"reason", reason}});
}

/// A channel's user that refuses everything.
class Strict final : public GossipHandler {
 public:
  explicit Strict(SimNode& node, std::string name = "strict") : node_(node) {
    node_.host().loop().run(
        [&] { channel_ = *node_.mesh().join(std::move(name), *this, node_.host().loop()); });
  }
  ~Strict() {
    node_.host().loop().run([&] { channel_.reset(); });
  }
  Strict(const Strict&) = delete;
  Strict& operator=(const Strict&) = delete;

  Result<> on_unicast(PeerName /*source*/, ByteView /*payload*/) override { return refusal(); }
  Result<std::optional<Bytes>> on_broadcast(PeerName /*originator*/,
                                            ByteView /*payload*/) override {
    return refusal();
  }
  Result<std::optional<Bytes>> on_gossip(ByteView /*payload*/) override { return refusal(); }
  Bytes complete_state() override { return {}; }

 private:
  static tl::unexpected<Error> refusal() { return fail(Errc::malformed, "read it"); }

  SimNode& node_;
  std::unique_ptr<GossipChannel> channel_;
};

/// A unicast whose payload is cut short: Weave Net peers relay it, as they read its names only.
Bytes damaged_unicast(PeerName source) {
  Bytes message = mesh::encode_message(mesh::GossipUnicast{"strict", source, us, Bytes(3)});
  message.pop_back();
  return message;
}

class Blame : public ::testing::Test {
 protected:
  SimMesh mesh;
  SimNode& node = mesh.add(1);
  Strict user{node};
  RawPeer weave_peer{mesh.world, 2};
  RawPeer weft{mesh.world, 3, /*is_weft=*/true};

  void expect_kept(RawPeer& peer, const std::string& reason) {
    mesh.world.run_for(200ms);
    EXPECT_FALSE(peer.is_closed);
    EXPECT_EQ(refused(node, reason), 1U);
  }
  void expect_cut(RawPeer& peer, const std::string& reason) {
    EXPECT_TRUE(mesh.world.run_until([&] { return peer.is_closed; }, 1s));
    EXPECT_EQ(node.dropped(reason), 1U);
    EXPECT_EQ(refused(node, "channel-user"), 0U);
  }
};

TEST_F(Blame, ADamagedUnicastIsItsSourcesFault) {
  weave_peer.meet();
  weave_peer.send(damaged_unicast(distant));

  expect_kept(weave_peer, "damaged-unicast");
}

TEST_F(Blame, ANeighboursOwnDamagedUnicastEndsItsConnection) {
  weft.meet();
  weft.send(damaged_unicast(PeerName{3}));

  expect_cut(weft, "malformed");
}

TEST_F(Blame, AUnicastTooDamagedToTellMayComeThroughAnOriginalButNotThroughWeft) {
  weave_peer.meet();
  weave_peer.send(octets({5, 1, 2, 3}));
  expect_kept(weave_peer, "damaged-unicast");

  weft.meet();
  weft.send(octets({5, 1, 2, 3}));
  expect_cut(weft, "malformed");
}

TEST_F(Blame, ATopologyUnicastIsItsSourcesFault) {
  weave_peer.meet();
  weave_peer.send(mesh::encode_message(mesh::GossipUnicast{"topology", distant, us, Bytes(3)}));

  expect_kept(weave_peer, "topology-unicast");
}

TEST_F(Blame, ARefusedUnicastIsItsSourcesFault) {
  weave_peer.meet();
  weave_peer.send(mesh::encode_message(mesh::GossipUnicast{"strict", distant, us, Bytes(3)}));

  expect_kept(weave_peer, "channel-user");
}

TEST_F(Blame, ARefusedUnicastOfAWeftNeighbourEndsItsConnection) {
  weft.meet();
  weft.send(mesh::encode_message(mesh::GossipUnicast{"strict", PeerName{3}, us, Bytes(3)}));

  expect_cut(weft, "handler-refused");
}

TEST_F(Blame, ARefusedBroadcastIsItsOriginatorsFault) {
  weave_peer.meet();
  weave_peer.send(mesh::encode_message(mesh::GossipBroadcast{"strict", distant, Bytes(3)}));

  expect_kept(weave_peer, "channel-user");
}

TEST_F(Blame, ARefusedBroadcastOfAWeftNeighbourEndsItsConnection) {
  weft.meet();
  weft.send(mesh::encode_message(mesh::GossipBroadcast{"strict", PeerName{3}, Bytes(3)}));

  expect_cut(weft, "handler-refused");
}

/// Anybody can have a Weave Net peer pass on a message in that peer's own name.
TEST_F(Blame, WhatAnOriginalSeemsToHaveWrittenMayBeOthers) {
  weave_peer.meet();
  weave_peer.send(mesh::encode_message(mesh::Gossip{"strict", neighbour, Bytes(3)}));
  weave_peer.send(mesh::encode_message(mesh::GossipBroadcast{"strict", neighbour, Bytes(3)}));
  weave_peer.send(mesh::encode_message(mesh::GossipUnicast{"strict", neighbour, us, Bytes(3)}));
  mesh.world.run_for(200ms);

  EXPECT_FALSE(weave_peer.is_closed);
  EXPECT_EQ(refused(node, "channel-user"), 3U);
}

TEST_F(Blame, WhatComesInOurOwnNameIsDropped) {
  weave_peer.meet();
  weave_peer.send(mesh::encode_message(mesh::Gossip{"strict", us, Bytes(3)}));
  weave_peer.send(mesh::encode_message(mesh::GossipBroadcast{"strict", us, Bytes(3)}));
  weave_peer.send(mesh::encode_message(mesh::GossipUnicast{"strict", us, neighbour, Bytes(3)}));
  mesh.world.run_for(200ms);

  EXPECT_FALSE(weave_peer.is_closed);
  EXPECT_EQ(refused(node, "in-our-name"), 3U);
  EXPECT_EQ(refused(node, "channel-user"), 0U);
}

TEST_F(Blame, AUnicastOfANeighbourIsTakenOverItsOwnConnectionOnly) {
  weave_peer.meet();
  weft.meet();
  weft.send(mesh::encode_message(mesh::GossipUnicast{"strict", PeerName{2}, us, Bytes(3)}));
  expect_kept(weft, "in-neighbours-name");
  EXPECT_EQ(refused(node, "channel-user"), 0U);

  weave_peer.send(mesh::encode_message(mesh::GossipUnicast{"strict", PeerName{2}, us, Bytes(3)}));
  expect_kept(weave_peer, "channel-user");
}

TEST_F(Blame, RefusedGossipThroughWeftIsItsAuthorsFault) {
  weft.meet();
  weft.send(mesh::encode_message(mesh::Gossip{"strict", distant, Bytes(3)}));
  expect_kept(weft, "channel-user");
}

/// Peers connect while plugins are still starting.
TEST_F(Blame, WhatAUserRefusesThatJoinsLateEndsItsNeighboursConnectionToo) {
  weave_peer.meet();
  weft.meet();
  weave_peer.send(mesh::encode_message(mesh::Gossip{"late", neighbour, Bytes(3)}));
  weave_peer.send(mesh::encode_message(mesh::Gossip{"late", distant, Bytes(4)}));
  weft.send(mesh::encode_message(mesh::Gossip{"late", PeerName{3}, Bytes(5)}));
  mesh.world.run_for(200ms);
  ASSERT_FALSE(weft.is_closed);

  const Strict late(node, "late");

  EXPECT_TRUE(mesh.world.run_until([&] { return weft.is_closed; }, 1s));
  EXPECT_EQ(node.dropped("handler-refused"), 1U);
  EXPECT_FALSE(weave_peer.is_closed);
  EXPECT_EQ(refused(node, "channel-user"), 2U);
}

TEST_F(Blame, RefusedGossipOfAWeftNeighbourEndsItsConnection) {
  weft.meet();
  weft.send(mesh::encode_message(mesh::Gossip{"strict", PeerName{3}, Bytes(3)}));

  expect_cut(weft, "handler-refused");
}

TEST_F(Blame, OctetsThatAreNoTopologyAreTheNeighboursWhateverTheyClaim) {
  weave_peer.meet();
  weave_peer.send(mesh::encode_message(mesh::Gossip{"topology", distant, Bytes(3)}));

  expect_cut(weave_peer, "malformed");
}

TEST_F(Blame, AnUnusableTopologyEntryIsRefusedByItself) {
  weave_peer.meet();
  Topology::Peer unusable;
  unusable.name = distant;
  unusable.uid = 1;
  unusable.connections.push_back({neighbour, std::string(300, 'a'), true, true});
  Topology::Peer usable;
  usable.name = neighbour;
  usable.uid = 4711;
  usable.version = 2;
  usable.nickname = "usable";
  weave_peer.send_topology({unusable, usable});

  expect_kept(weave_peer, "invalid-entry");
  EXPECT_EQ(node.topology()->find(distant), nullptr);
  EXPECT_EQ(node.topology()->find(neighbour)->nickname, "usable");
}

/// Through a relay that runs weft and did not join the channel, in a line: 1 - 2 - 3.
TEST(BlameAcrossARelay, NeitherTheRelayNorTheNamedAuthorIsCut) {
  SimMesh mesh;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    SimNode::Options options;
    options.settings = {{"discovery", false},
                        {"peers", std::vector<std::string>{"10.0.0." + std::to_string(i - 1)}}};
    mesh.add_as(i, i, std::move(options));
  }
  SimNode& far_end = *mesh.nodes[2];
  const Strict user(far_end);
  mesh.world.run_for(10s);
  RawPeer attacker(mesh.world, 4);
  attacker.meet();

  attacker.send(mesh::encode_message(mesh::Gossip{"strict", PeerName{4}, Bytes(3)}));
  attacker.send(mesh::encode_message(mesh::Gossip{"strict", PeerName{99}, Bytes(4)}));
  attacker.send(mesh::encode_message(mesh::Gossip{"strict", PeerName{2}, Bytes(5)}));  // a lie
  attacker.send(
      mesh::encode_message(mesh::GossipUnicast{"strict", PeerName{4}, PeerName{3}, Bytes(3)}));
  attacker.send(mesh::encode_message(
      mesh::GossipUnicast{"strict", PeerName{2}, PeerName{3}, Bytes(3)}));  // a lie
  mesh.world.run_for(1s);

  EXPECT_EQ(refused(far_end, "channel-user"), 3U);
  EXPECT_EQ(refused(*mesh.nodes[0], "in-neighbours-name"), 1U);
  for (const auto& node : mesh.nodes) {
    EXPECT_EQ(node->dropped("malformed") + node->dropped("handler-refused"), 0U);
  }
}

}  // namespace
}  // namespace weft::gossip
