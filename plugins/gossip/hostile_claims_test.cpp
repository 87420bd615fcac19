/// Claims that a visitor makes about others: they hurt nobody for long, and neighbours not at all.

#include <gtest/gtest.h>

#include "gossip/claims.hpp"
#include "gossip/testing/raw_peer.hpp"

namespace weft::gossip {
namespace {

using namespace std::chrono_literals;

Topology::Peer forged(std::uint64_t name, std::uint64_t version, std::uint64_t uid = UINT64_MAX) {
  Topology::Peer peer;
  peer.name = PeerName{name};
  peer.nickname = "forged";
  peer.version = version;
  peer.uid = uid;
  return peer;
}

std::uint64_t refused(SimNode& node, const std::string& reason) {
  return node.counted(
      "weft_gossip_refused_total",
      "Messages and topology entries refused without ending a connection, by reason.",
      {{"reason", reason}});
}

bool is_believed(SimNode& node, std::uint64_t about) {
  const auto topology = node.topology();
  const Topology::Peer* const known = topology->find(PeerName{about});
  return known != nullptr && known->nickname == "forged";
}

/// Four nodes, by default all connected to each other; the visitor meets the first.
class Visit : public ::testing::Test {
 protected:
  void start(bool is_line) {
    for (std::uint64_t i = 1; i <= 4; ++i) {
      SimNode::Options options;
      const std::uint64_t known = is_line ? i - 1 : 1;
      options.settings = {{"discovery", !is_line},
                          {"peers", std::vector<std::string>{"10.0.0." + std::to_string(known)}}};
      mesh.add_as(i, i, std::move(options));
    }
    ASSERT_TRUE(mesh.world.run_until([&] { return are_all_reached(); }, 30s));
    mesh.world.run_for(5s);
    visitor.meet();
    mesh.world.run_for(2s);
  }

  [[nodiscard]] bool are_all_reached() const {
    for (const auto& node : mesh.nodes) {
      if (node->reachable() != mesh.nodes.size() - 1) {
        return false;
      }
    }
    return true;
  }
  [[nodiscard]] SimNode& node(std::uint64_t number) { return *mesh.nodes[number - 1]; }

  /// Whether every node reaches every other during all of `time`.
  bool stay_reached(Duration time) {
    return !mesh.world.run_until([&] { return !are_all_reached(); }, time);
  }

  SimMesh mesh;
  RawPeer visitor{mesh.world, 9};
};

TEST_F(Visit, NeighboursOfTheVictimBelieveTheVictim) {
  start(/*is_line=*/false);
  for (const std::uint64_t version : {std::uint64_t{5000}, max_counted_version, max_version}) {
    visitor.send_topology({forged(1, version), forged(3, version), forged(4, version)});
    EXPECT_TRUE(stay_reached(2s)) << version;
  }
  EXPECT_GT(refused(node(1), "not-first-hand"), 0U);
  EXPECT_FALSE(is_believed(node(1), 3));
}

TEST_F(Visit, AVictimFarAwayOutbidsTheClaimWithinATenthOfASecond) {
  start(/*is_line=*/true);
  visitor.send_topology({forged(4, 5000)});
  ASSERT_TRUE(mesh.world.run_until([&] { return is_believed(node(1), 4); }, 1s));

  EXPECT_TRUE(mesh.world.run_until([&] { return !is_believed(node(1), 4); }, 200ms));
  EXPECT_TRUE(mesh.world.run_until([&] { return are_all_reached(); }, 200ms));
  EXPECT_GT(node(4).topology()->find(PeerName{4})->version, 5000U);
}

TEST_F(Visit, UncountedVersionsFromNobodyNearAreNotBelieved) {
  start(/*is_line=*/true);
  for (const std::uint64_t version : {max_counted_version + 1, max_version - 1, max_version}) {
    visitor.send_topology({forged(4, version)});
    EXPECT_TRUE(stay_reached(2s)) << version;
  }
  EXPECT_EQ(refused(node(1), "not-nearest"), 3U);
}

TEST_F(Visit, TheGreatestCountedVersionIsOutbidToo) {
  start(/*is_line=*/true);
  visitor.send_topology({forged(4, max_counted_version)});
  mesh.world.run_for(300ms);
  EXPECT_TRUE(are_all_reached());

  // The victim's next news travels on, although its version is not counted any more.
  visitor.leave();
  mesh.add_as(5, 5, {{{"discovery", false}, {"peers", std::vector<std::string>{"10.0.0.4"}}}});
  EXPECT_TRUE(mesh.world.run_until([&] { return are_all_reached(); }, 5s));
}

TEST_F(Visit, VersionsBeyondTheCeilingAreRefusedAndNotPassedOn) {
  start(/*is_line=*/true);
  visitor.send_topology(
      {forged(4, max_version + 1), forged(3, UINT64_MAX), forged(50, UINT64_MAX)});

  EXPECT_TRUE(stay_reached(2s));
  EXPECT_EQ(refused(node(1), "beyond-ceiling"), 3U);
  EXPECT_EQ(refused(node(2), "beyond-ceiling"), 0U);
  EXPECT_EQ(node(1).topology()->find(PeerName{50}), nullptr);
  EXPECT_FALSE(visitor.is_closed);
}

TEST_F(Visit, NothingIsLeftOfClaimsOnceTheVisitorIsGone) {
  start(/*is_line=*/true);
  visitor.send_topology({forged(4, 1U << 20U), forged(2, max_version), forged(77, 9)});
  visitor.leave();
  mesh.world.run_for(3s);

  EXPECT_TRUE(are_all_reached());
  for (const auto& peer : mesh.nodes) {
    EXPECT_EQ(peer->topology()->peers.size(), 4U);
  }
}

/// A node that starts anew hears of the victim from the visitor first.
TEST_F(Visit, ANodeThatHeardTheLieFirstLearnsTheTruth) {
  start(/*is_line=*/true);
  RawPeer liar(mesh.world, 8);
  SimNode& fresh =
      mesh.add_as(6, 6, {{{"discovery", false}, {"peers", std::vector<std::string>{"10.0.0.1"}}}});
  liar.meet(77, 6);
  liar.send_topology({forged(4, max_version)});

  EXPECT_TRUE(mesh.world.run_until([&] { return are_all_reached(); }, 35s));
  EXPECT_FALSE(is_believed(fresh, 4));
}

TEST(OwnClaims, OurOldIncarnationAndForgedVersionsOfThisOneAreOutbid) {
  SimMesh mesh;
  SimNode& node = mesh.add(1);
  RawPeer peer(mesh.world, 2);
  peer.meet();
  mesh.world.run_for(2s);
  const auto version = [&] { return node.topology()->find(PeerName{1})->version; };
  const std::uint64_t uid = node.topology()->find(PeerName{1})->uid;
  peer.send_topology({forged(1, 5000, 1)});
  mesh.world.run_for(200ms);
  EXPECT_EQ(version(), 5001U);

  peer.send_topology({forged(1, 6000, uid)});
  mesh.world.run_for(200ms);
  EXPECT_EQ(version(), 6001U);
  peer.send_topology({forged(1, max_version, uid)});
  peer.send_topology({forged(1, UINT64_MAX, uid)});
  mesh.world.run_for(200ms);
  EXPECT_EQ(version(), 6002U);
}

}  // namespace
}  // namespace weft::gossip
