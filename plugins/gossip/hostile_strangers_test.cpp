/// What a stranger, who can connect and knows no password, may not achieve.

#include <gtest/gtest.h>

#include "gossip/password_file.hpp"
#include "gossip/testing/raw_peer.hpp"

namespace weft::gossip {
namespace {

/// Nodes 1 and 2 with a password. Peers made by hand dial node 1.
class Strangers : public ::testing::Test {
 protected:
  void start(testing::Settings settings = {}) {
    settings.push_back({"password-file", password_.path()});
    mesh.add(1, {settings});
    mesh.add(2, {settings});
    ASSERT_TRUE(mesh.converge(10s));
    terminations = ended();
  }

  [[nodiscard]] SimNode& node() { return *mesh.nodes[0]; }
  [[nodiscard]] std::size_t peers() { return node().topology()->peers.size(); }
  [[nodiscard]] std::uint64_t ended() {
    return node().dropped("duplicate") + node().dropped("remote-closed");
  }
  [[nodiscard]] bool closes(RawPeer& peer, Duration within = 1s) {
    return mesh.world.run_until([&] { return peer.is_closed; }, within);
  }

  /// Sends the introduction of version 1 as peer `number`, and after it nothing.
  static void introduce_without_proof(RawPeer& peer, std::uint64_t number,
                                      std::uint64_t connection_id) {
    mesh::Features features;
    features.name = PeerName{number};
    features.nickname = "stranger";
    features.uid = 99;
    features.connection_id = connection_id;
    mesh::Key some_key{};
    some_key.fill(std::byte{9});
    peer.dial();
    peer.write(mesh::encode_header(1, 1));
    peer.write(mesh::encode_protocol1_features(mesh::to_map(features), some_key));
  }

  PasswordFile password_{"weave-secret"};
  SimMesh mesh;
  std::uint64_t terminations = 0;
};

TEST_F(Strangers, WithAPasswordVersionOneIsRefused) {
  start();
  RawPeer old(mesh.world, 3);
  old.password = "weave-secret";
  old.highest_version = 1;

  old.introduce();

  EXPECT_TRUE(closes(old));
  EXPECT_EQ(node().dropped("handshake-refused"), 1U);
}

TEST_F(Strangers, WhereTheOperatorAllowsItVersionOneMeetsWhoKnowsThePassword) {
  start({{"min-protocol-version", std::int64_t{1}}});
  RawPeer old(mesh.world, 3);
  old.password = "weave-secret";
  old.highest_version = 1;

  old.introduce();
  mesh.world.run_for(1s);

  EXPECT_FALSE(old.is_closed);
  EXPECT_EQ(peers(), 3U);
  EXPECT_FALSE(old.received.empty());
}

TEST_F(Strangers, AWrongPasswordLeavesNoTraceInEitherVersion) {
  start({{"min-protocol-version", std::int64_t{1}}});
  for (const unsigned version : {1U, 2U}) {
    RawPeer stranger(mesh.world, 2 + version);
    stranger.password = "a guess";
    stranger.highest_version = version;
    stranger.introduce();
    EXPECT_TRUE(closes(stranger)) << version;
  }
  EXPECT_EQ(node().dropped("undecryptable"), 2U);
  EXPECT_EQ(peers(), 2U);
}

/// The name of an honest peer, and the smallest connection UID there is.
TEST_F(Strangers, WithoutProofNoConnectionIsReplacedAndNoSlotIsTaken) {
  start({{"min-protocol-version", std::int64_t{1}}, {"connection-limit", std::int64_t{2}}});
  std::vector<std::unique_ptr<RawPeer>> strangers;
  for (std::uint64_t i = 0; i < 6; ++i) {
    strangers.push_back(std::make_unique<RawPeer>(mesh.world, 10 + i));
    introduce_without_proof(*strangers.back(), i % 2 == 0 ? 2 : 70 + i, i);
    mesh.world.run_for(50ms);
  }
  RawPeer honest(mesh.world, 3);
  honest.password = "weave-secret";
  honest.meet();
  mesh.world.run_for(1s);

  EXPECT_FALSE(honest.is_closed);
  EXPECT_EQ(peers(), 3U);
  EXPECT_EQ(ended(), terminations);
  for (const auto& stranger : strangers) {
    EXPECT_EQ(stranger->heard_bytes < 1000, true) << "gossip reached a stranger";
    EXPECT_TRUE(closes(*stranger, 61s));
  }
}

TEST_F(Strangers, AnIntroductionLongerThanTheLimitEndsTheConnection) {
  start();
  RawPeer peer(mesh.world, 3);
  peer.dial();
  Bytes begin = mesh::encode_header();
  begin.push_back(std::byte{1});
  begin.resize(begin.size() + sizeof(mesh::Key), std::byte{9});
  const Bytes length = octets({0x00, 0x10, 0x00, 0x00});  // 1 MiB
  begin.insert(begin.end(), length.begin(), length.end());
  peer.write(begin);
  peer.write(Bytes(Handshake::max_bytes - 100));
  mesh.world.run_for(1s);
  EXPECT_FALSE(peer.is_closed);

  peer.write(Bytes(101));

  EXPECT_TRUE(closes(peer));
  EXPECT_EQ(node().dropped("handshake-refused"), 1U);
}

TEST_F(Strangers, AnIntroductionOfManySmallPiecesIsNoLongerThanOthers) {
  start({{"min-protocol-version", std::int64_t{1}}});
  RawPeer peer(mesh.world, 3);
  peer.dial();
  peer.write(mesh::encode_header(1, 1));
  const Bytes whole = mesh::encode_map({{"a", "b"}});
  const Bytes description(whole.begin(), whole.begin() + std::to_integer<int>(whole[0]) + 1);
  for (std::size_t sent = 0; sent < 2 * Handshake::max_bytes && !peer.is_closed;
       sent += description.size()) {
    peer.write(description);
  }

  EXPECT_TRUE(closes(peer));
}

TEST_F(Strangers, ASourceThatOpensMoreLosesItsOwnOldest) {
  start({{"introduction-limit", std::int64_t{16}}});
  std::vector<std::unique_ptr<RawPeer>> silent;
  const auto open = [&](std::uint64_t host) {
    silent.push_back(
        std::make_unique<RawPeer>(mesh.world, 20 + silent.size(), SimMesh::address(host)));
    silent.back()->dial();
    mesh.world.run_for(50ms);
  };
  for (int i = 0; i < 4; ++i) {
    open(9);  // two are its share
  }
  open(10);

  EXPECT_TRUE(silent[0]->is_closed);
  EXPECT_TRUE(silent[1]->is_closed);
  EXPECT_FALSE(silent[2]->is_closed);
  EXPECT_FALSE(silent[3]->is_closed);
  EXPECT_FALSE(silent[4]->is_closed);
  EXPECT_EQ(node().dropped("crowded-out"), 2U);
}

TEST_F(Strangers, ThatFillAllPlacesKeepNeitherNewNorKnownPeersOut) {
  start({{"introduction-limit", std::int64_t{8}}});
  std::vector<std::unique_ptr<RawPeer>> silent;
  for (std::uint64_t i = 0; i < 12; ++i) {
    silent.push_back(std::make_unique<RawPeer>(mesh.world, 20 + i));
    silent.back()->dial();
  }
  mesh.world.run_for(50ms);
  EXPECT_EQ(node().dropped("crowded-out"), 6U);

  RawPeer honest(mesh.world, 3);
  honest.password = "weave-secret";
  honest.meet();

  EXPECT_FALSE(honest.is_closed);
  EXPECT_TRUE(mesh.world.run_until([&] { return peers() == 3; }, 1s));
}

TEST_F(Strangers, ASourceThatConnectsWithoutEndKeepsOnlyItselfOut) {
  start();
  for (int i = 0; i < 40; ++i) {
    RawPeer peer(mesh.world, 9);
    peer.dial();
  }
  EXPECT_GT(node().counted("weft_gossip_connections_refused_total",
                           "Connections closed unserved: their source connects too often."),
            10U);

  RawPeer honest(mesh.world, 3);
  honest.password = "weave-secret";
  honest.meet();

  EXPECT_FALSE(honest.is_closed);
}

TEST_F(Strangers, LongNicknamesAreCutWhereverTheyComeFrom) {
  start();
  RawPeer peer(mesh.world, 3);
  peer.password = "weave-secret";
  peer.nickname = std::string(40'000, 'x');
  peer.meet();
  Topology::Peer self;
  self.name = PeerName{3};
  self.uid = peer.uid;
  self.version = 9;
  self.nickname = peer.nickname;
  self.connections.push_back({PeerName{4}, "10.0.0.4:6783", true, true});
  Topology::Peer other = self;
  other.name = PeerName{4};
  other.nickname = std::string(254, 'x') + "\u00e9";  // the character does not fit whole
  other.connections = {{PeerName{3}, "10.0.0.3:6783", true, true}};
  mesh.world.run_for(1s);
  EXPECT_EQ(node().topology()->find(PeerName{3})->nickname.size(), 255U);

  peer.send_topology({self, other});
  mesh.world.run_for(1s);

  EXPECT_FALSE(peer.is_closed);
  EXPECT_EQ(node().topology()->find(PeerName{3})->nickname.size(), 255U);
  EXPECT_EQ(node().topology()->find(PeerName{4})->nickname, std::string(254, 'x'));
}

}  // namespace
}  // namespace weft::gossip
