/// Merging topology, short ids and garbage, rule by rule.

#include "gossip/peers.hpp"

#include <gtest/gtest.h>

#include "interop/vectors.hpp"

#include "gossip/wire/topology.hpp"

namespace weft::gossip {
namespace {

constexpr PeerName us{0x10};
constexpr PeerName them{0x20};
constexpr PeerName third{0x30};

Peers table(std::uint64_t draw = 0, ShortId short_id = 7) {
  return Peers({us, "us", 100, short_id}, [draw](std::uint64_t bound) { return draw % bound; });
}

Topology::Peer described(PeerName name, std::uint64_t version, std::uint64_t uid = 1,
                         std::vector<PeerName> remotes = {}) {
  Topology::Peer peer;
  peer.name = name;
  peer.nickname = "v" + std::to_string(version);
  peer.uid = uid;
  peer.version = version;
  for (const PeerName remote : remotes) {
    peer.connections.push_back({remote, "10.0.0.9:6783", true, true});
  }
  return peer;
}

PeersUpdate applied(Peers& peers, std::vector<Topology::Peer> update) {
  return peers.apply(std::move(update));
}

TEST(PeersApply, TakesNewPeersAndPlacesForTheirNeighbours) {
  Peers peers = table();

  const PeersUpdate result = applied(peers, {described(them, 3, 1, {third, us})});

  EXPECT_EQ(result.accepted, PeerNames{them});
  EXPECT_EQ(peers.find(them)->connections.size(), 2U);
  ASSERT_NE(peers.find(third), nullptr);
  EXPECT_EQ(peers.find(third)->uid, 0U);
  EXPECT_FALSE(peers.find(third)->short_id);
}

TEST(PeersApply, KeepsTheGreaterVersionThenTheGreaterUid) {
  Peers peers = table();
  applied(peers, {described(them, 5, 9)});

  EXPECT_TRUE(applied(peers, {described(them, 4, 99)}).accepted.empty());
  EXPECT_TRUE(applied(peers, {described(them, 5, 9)}).accepted.empty());
  EXPECT_TRUE(applied(peers, {described(them, 5, 8)}).accepted.empty());
  EXPECT_EQ(applied(peers, {described(them, 5, 10)}).accepted, PeerNames{them});
  EXPECT_EQ(applied(peers, {described(them, 6, 1)}).accepted, PeerNames{them});
  EXPECT_EQ(peers.find(them)->nickname, "v6");
}

TEST(PeersApply, LearnsAShortIdWithoutANewVersion) {
  Peers peers = table();
  applied(peers, {described(them, 5)});
  Topology::Peer same = described(them, 5);
  same.short_id = 12;

  EXPECT_EQ(applied(peers, {same}).accepted, PeerNames{them});
  EXPECT_EQ(peers.find(them)->short_id, 12);
}

TEST(PeersApply, OutbidsAnOldIncarnationOfOurs) {
  Peers peers = table();

  const PeersUpdate result = applied(peers, {described(us, 41, 55)});

  EXPECT_TRUE(result.change.self_changed);
  EXPECT_TRUE(result.accepted.empty());
  EXPECT_EQ(peers.self().version, 42U);
  EXPECT_EQ(peers.self().nickname, "us");
}

TEST(PeersApply, IgnoresWhatIsOlderThanOurOwnEntry) {
  Peers peers = table();
  peers.add_connection({them, "10.0.0.2:6783", true, false});
  peers.set_established(them);

  const PeersUpdate result =
      applied(peers, {described(us, 1, 100, {third}), described(us, 0, 999, {third})});

  EXPECT_FALSE(result.change.self_changed);
  EXPECT_EQ(peers.self().version, 2U);
}

TEST(PeersApply, TakesTheLastOfTwoConnectionsToOnePeer) {
  Peers peers = table();
  Topology::Peer peer = described(them, 1, 1, {third, third});
  peer.connections[1].address = "10.0.0.2:1";

  applied(peers, {peer});

  ASSERT_EQ(peers.find(them)->connections.size(), 1U);
  EXPECT_EQ(peers.find(them)->connections[0].address, "10.0.0.2:1");
}

Peers small_table(std::size_t limit) {
  return Peers({us, "us", 100, 7}, [](std::uint64_t bound) { return 0x40 % bound; }, limit);
}

TEST(PeersBounds, RefusesPeersOneByOneWhenTheTableIsFull) {
  Peers peers = small_table(4);

  const PeersUpdate result =
      applied(peers, {described(them, 1, 1, {PeerName{0x41}, PeerName{0x42}, PeerName{0x43}})});

  EXPECT_EQ(result.accepted, PeerNames{them});
  EXPECT_EQ(peers.size(), 4U);
  EXPECT_EQ(result.refused.at(Refusal::table_full).count, 1U);
  EXPECT_EQ(result.refused.at(Refusal::table_full).first, PeerName{0x43});
}

TEST(PeersBounds, PeersKnownByNameAndPeersOutOfReachMakeRoom) {
  Peers peers = small_table(3);
  applied(peers, {described(them, 1, 1, {PeerName{0x41}})});

  const PeersUpdate first = applied(peers, {described(third, 1)});
  EXPECT_EQ(first.accepted, PeerNames{third});
  ASSERT_EQ(first.change.removed.size(), 1U);
  EXPECT_EQ(first.change.removed[0].name, PeerName{0x41});

  peers.note_reached([](PeerName name) { return name == them; });
  const PeersUpdate second = applied(peers, {described(PeerName{0x50}, 1)});
  ASSERT_EQ(second.change.removed.size(), 1U);
  EXPECT_EQ(second.change.removed[0].name, third);

  peers.note_reached([](PeerName) { return true; });
  EXPECT_TRUE(applied(peers, {described(PeerName{0x51}, 1)}).accepted.empty());
  EXPECT_EQ(peers.size(), 3U);
}

TEST(PeersBounds, ANeighbourAlwaysHasAPlace) {
  Peers peers = small_table(2);
  applied(peers, {described(third, 1)});
  peers.note_reached([](PeerName) { return true; });

  const PeersChange change = peers.add_reference(described(them, 0));

  EXPECT_NE(peers.find(them), nullptr);
  EXPECT_EQ(change.removed.size(), 1U);
}

TEST(PeersBounds, LongListsUseThePoolAndEachPeerItsShare) {
  Peers peers = small_table(16);
  std::vector<PeerName> many;
  for (std::uint64_t i = 0; i < 700; ++i) {
    many.push_back(PeerName{0x1000 + i});
  }
  const std::vector<PeerName> few(many.begin(), many.begin() + 200);
  std::uint64_t refused = 0;
  for (std::uint64_t i = 0; i < 6; ++i) {
    const auto result = applied(peers, {described(PeerName{0x40 + i}, 1, 1, many)});
    refused += result.accepted.empty() ? 1 : 0;
  }
  EXPECT_GT(refused, 0U);

  EXPECT_FALSE(applied(peers, {described(PeerName{0x40}, 2, 1, few)}).accepted.empty());
}

/// `count` peers, each of which lists `each` others of them.
std::vector<Topology::Peer> crowd(std::size_t count, std::size_t each, std::uint64_t version) {
  std::vector<Topology::Peer> peers;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<PeerName> others;
    for (std::size_t k = 1; k <= each; ++k) {
      others.push_back(PeerName{0x1000 + (i + k) % count});
    }
    peers.push_back(described(PeerName{0x1000 + i}, version, 1, std::move(others)));
  }
  return peers;
}

/// A table of the default size in which frames reach a crowd that lists each other.
Peers crowded_table() {
  Peers peers = small_table(Peers::default_max_peers);
  applied(peers, crowd(1000, 2, 1));
  peers.note_reached([](PeerName) { return true; });
  return peers;
}

TEST(PeersBounds, PeersThatListEachOtherShareOneBound) {
  Peers peers = crowded_table();

  const auto result = applied(peers, crowd(1000, 330, 2));

  EXPECT_GT(result.refused.at(Refusal::table_full).count, 0U);
  EXPECT_LT(peers.connections(), 90'000U);
}

TEST(PeersBounds, SmallListsOfReachedPeersAlwaysHaveRoom) {
  Peers peers = crowded_table();
  applied(peers, crowd(1000, 330, 2));

  const auto result = applied(peers, crowd(1000, 20, 3));

  EXPECT_EQ(result.accepted.size(), 1000U);
}

TEST(PeersBounds, ANeighboursListAlwaysHasRoom) {
  Peers peers = crowded_table();
  applied(peers, crowd(1000, 330, 2));
  (void)peers.add_reference(described(them, 0));
  std::vector<PeerName> others;
  for (std::uint64_t i = 0; i < 200; ++i) {
    others.push_back(PeerName{0x1000 + i});
  }

  EXPECT_EQ(applied(peers, {described(them, 1, 1, others)}).accepted, PeerNames{them});
  EXPECT_TRUE(applied(peers, {described(third, 1, 1, others)}).accepted.empty());
}

TEST(PeersBounds, NeighboursThatComeAndGoLeaveNoMoreThanTheirNames) {
  Peers peers = crowded_table();
  applied(peers, crowd(1000, 330, 2));
  const std::size_t before = peers.connections();

  for (std::uint64_t i = 0; i < 20; ++i) {
    const PeerName name{0x100 + i};
    (void)peers.add_reference(described(name, 0));
    applied(peers, {described(name, 1, 1, std::vector<PeerName>(1, PeerName{0x1000}))});
    Topology::Peer longer = crowd(1000, 300, 2)[0];
    longer.name = name;
    applied(peers, {std::move(longer)});
    (void)peers.drop_reference(name);
    EXPECT_EQ(peers.find(name)->uid, 0U);
  }

  EXPECT_EQ(peers.connections(), before);
}

/// What a node hears first of the largest mesh in which each is everybody's neighbour.
TEST(PeersBounds, AFullMeshOf200FitsBeforeAnyIsANeighbour) {
  Peers peers = table();
  std::vector<Topology::Peer> mesh = crowd(200, 199, 1);
  for (auto& peer : mesh) {
    for (auto& connection : peer.connections) {
      connection.address = "192.168.100.100:54321";
    }
  }

  EXPECT_EQ(applied(peers, std::move(mesh)).accepted.size(), 200U);
}

TEST(PeersApply, AcceptsTheOriginalsTopology) {
  Peers peers = table();
  auto update = mesh::decode_topology(testing::golden("topology.txt", "topology-3-peers"));
  ASSERT_TRUE(update);

  const PeersUpdate result = applied(peers, *std::move(update));

  EXPECT_EQ(result.accepted.size(), 3U);
  EXPECT_EQ(peers.size(), 4U);
}

TEST(PeersShortIds, TheLowerNameKeepsItAndTheOtherChoosesAgain) {
  Peers peers = table(/*draw=*/99);
  Topology::Peer lower = described(PeerName{1}, 1);
  lower.short_id = 7;

  const PeersUpdate result = applied(peers, {lower});

  EXPECT_TRUE(result.change.self_changed);
  EXPECT_TRUE(result.change.short_ids_changed);
  EXPECT_EQ(peers.self().short_id, 99);
  EXPECT_EQ(peers.self().version, 1U);
}

TEST(PeersShortIds, AHigherNameDoesNotTakeOurs) {
  Peers peers = table();
  Topology::Peer higher = described(them, 1);
  higher.short_id = 7;

  const PeersUpdate result = applied(peers, {higher});

  EXPECT_FALSE(result.change.self_changed);
  EXPECT_EQ(peers.self().short_id, 7);
}

TEST(PeersShortIds, ValuesBeyondTwelveBitsDoNoHarm) {
  Peers peers = table();
  Topology::Peer peer = described(them, 1);
  peer.short_id = 65535;

  applied(peers, {peer});
  peer.version = 2;
  peer.short_id = 3;

  EXPECT_EQ(applied(peers, {peer}).accepted, PeerNames{them});
}

TEST(ShortIds, ReuseAndChangeOfPrincipalAreNoticed) {
  ShortIds ids;

  EXPECT_FALSE(ids.insert(5, them));
  EXPECT_FALSE(ids.insert(5, third));  // secondary
  EXPECT_TRUE(ids.insert(5, us));      // lower: principal
  EXPECT_EQ(ids.principal(5), us);
  EXPECT_TRUE(ids.erase(5, us));
  EXPECT_EQ(ids.principal(5), them);
  EXPECT_FALSE(ids.erase(5, third));
  EXPECT_FALSE(ids.erase(5, them));  // nobody is left
  EXPECT_EQ(ids.principal(5), std::nullopt);
  EXPECT_TRUE(ids.insert(5, third));  // used before
}

TEST(ShortIds, TheLastFreeOneIsFound) {
  ShortIds ids;
  for (ShortId id = 0; id < short_id_count; ++id) {
    if (id != 1234) {
      ids.insert(id, them);
    }
  }
  const auto zero = [](std::uint64_t) { return std::uint64_t{0}; };

  EXPECT_EQ(ids.choose_free(zero), 1234);
  ids.insert(1234, them);
  EXPECT_EQ(ids.choose_free(zero), std::nullopt);
}

TEST(PeersGarbage, RemovesWhatNobodyReachesAndKeepsReferences) {
  Peers peers = table();
  (void)peers.add_reference(described(them, 0));
  peers.add_connection({them, "10.0.0.2:6783", true, false});
  applied(peers, {described(them, 1, 1, {us, third}), described(third, 1, 1, {them})});
  EXPECT_TRUE(peers.collect_garbage().removed.empty());

  peers.remove_connection(them);
  const PeersChange change = peers.collect_garbage();

  ASSERT_EQ(change.removed.size(), 1U);
  EXPECT_EQ(change.removed[0].name, third);
  (void)peers.drop_reference(them);
  EXPECT_EQ(peers.collect_garbage().removed.size(), 1U);
  EXPECT_EQ(peers.size(), 1U);
}

TEST(PeersConnections, EachChangeRaisesOurVersion) {
  Peers peers = table();
  (void)peers.add_reference(described(them, 0));

  peers.add_connection({them, "10.0.0.2:6783", true, false});
  peers.set_established(them);
  EXPECT_EQ(peers.self().version, 2U);
  EXPECT_TRUE(peers.self().connections[0].established);
  peers.remove_connection(them);
  EXPECT_EQ(peers.self().version, 3U);
}

}  // namespace
}  // namespace weft::gossip
