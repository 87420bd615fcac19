/// Topology payloads: Weave Net's octets in both directions, and hostile ones.

#include "gossip/wire/topology.hpp"

#include <gtest/gtest.h>

#include "interop/vectors.hpp"

namespace weft::mesh {
namespace {

using testing::golden;

std::vector<Topology::Peer> decode_golden(const char* name) {
  return *decode_topology(golden("topology.txt", name));
}

Bytes encode(const std::vector<Topology::Peer>& peers) {
  std::vector<const Topology::Peer*> pointers;
  for (const Topology::Peer& peer : peers) {
    pointers.push_back(&peer);
  }
  return encode_topology(pointers);
}

TEST(TopologyPayload, ReadsThreePeersOfTheOriginal) {
  const auto peers = decode_golden("topology-3-peers");

  ASSERT_EQ(peers.size(), 3u);
  EXPECT_EQ(peers[1].nickname, "beta");
  EXPECT_EQ(peers[1].uid, 0x9999999999999999u);
  EXPECT_EQ(peers[1].version, 4u);
  EXPECT_EQ(peers[1].short_id, 0x456);
  ASSERT_EQ(peers[1].connections.size(), 2u);
  EXPECT_EQ(to_string(peers[1].connections[1].remote), "fe:dc:ba:98:76:54");
  EXPECT_EQ(peers[1].connections[1].address, "192.168.0.3:50000");
  EXPECT_FALSE(peers[1].connections[1].established);
  EXPECT_EQ(peers[2].short_id, 0);  // present and zero
}

TEST(TopologyPayload, WritesTheOriginalsOctets) {
  for (const char* const name : {"topology-1-peer", "topology-3-peers", "topology-placeholder"}) {
    EXPECT_EQ(encode(decode_golden(name)), golden("topology.txt", name)) << name;
  }
}

TEST(TopologyPayload, PlaceholdersHaveNoShortId) {
  const auto peers = decode_golden("topology-placeholder");

  EXPECT_EQ(peers.at(0).uid, 0u);
  EXPECT_FALSE(peers.at(0).short_id);
}

TEST(TopologyPayload, NobodyIsAValidAnswer) {
  EXPECT_TRUE(decode_topology(encode({}))->empty());
  EXPECT_TRUE(decode_topology({})->empty());
}

TEST(TopologyPayload, RefusesATruncationInsideAMessageAndSurvivesFlippedOctets) {
  const Bytes good = golden("topology.txt", "topology-3-peers");
  for (std::size_t length = 0; length < good.size(); ++length) {
    static_cast<void>(decode_topology(ByteView(good).first(length)));
  }
  EXPECT_FALSE(decode_topology(ByteView(good).first(good.size() - 1)));
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const unsigned flip : {1U, 0x80U, 0xFFU}) {
      Bytes bad = good;
      bad[at] ^= static_cast<std::byte>(flip);
      static_cast<void>(decode_topology(bad));
    }
  }
}

TEST(TopologyPayload, RefusesUnusableEntriesAndKeepsTheOthers) {
  Topology::Peer good;
  good.name = PeerName{1};
  const Topology::Peer nameless;
  Topology::Peer addressed = good;
  addressed.connections.push_back({PeerName{2}, std::string(65, '1'), false, false});
  Topology::Peer crowded = good;
  crowded.connections.resize(max_entry_connections + 1, {PeerName{2}, "", false, false});

  const auto peers = decode_topology(encode({nameless, addressed, crowded, good}));

  ASSERT_TRUE(peers);
  ASSERT_EQ(peers->size(), 1U);
  EXPECT_EQ(peers->at(0).name, good.name);
  EXPECT_TRUE(peers->at(0).nickname.empty());
}

TEST(TopologyPayload, CutsLongNicknames) {
  Topology::Peer peer;
  peer.name = PeerName{1};
  peer.nickname = std::string(256, 'n');

  EXPECT_EQ(decode_topology(encode({peer}))->at(0).nickname, std::string(255, 'n'));
}

TEST(TopologyPayload, ReadsEntryByEntry) {
  const Bytes payload = golden("topology.txt", "topology-3-peers");
  TopologyReader reader(payload);
  std::size_t entries = 0;
  std::size_t remaining = payload.size();
  for (auto entry = reader.next(); entry && *entry; entry = reader.next()) {
    ++entries;
    EXPECT_LT(reader.remaining(), remaining);
    remaining = reader.remaining();
  }
  EXPECT_EQ(entries, 3U);
}

}  // namespace
}  // namespace weft::mesh
