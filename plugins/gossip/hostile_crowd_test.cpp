/// Crowds of invented peers: they cost a bounded amount of room, sockets and work, cut nobody, and
/// leave with whoever invented them.

#include <gtest/gtest.h>

#include "gossip/channels.hpp"
#include "gossip/testing/raw_peer.hpp"
#include "gossip/topology_channel.hpp"

namespace weft::gossip {
namespace {

using namespace std::chrono_literals;

std::uint64_t refused(SimNode& node, const std::string& reason) {
  return node.counted(
      "weft_gossip_refused_total",
      "Messages and topology entries refused without ending a connection, by reason.",
      {{"reason", reason}});
}

Topology::Peer invented(std::uint64_t name, std::size_t connections,
                        std::uint64_t first = 0x10000) {
  Topology::Peer peer;
  peer.name = PeerName{name};
  peer.uid = 4711;
  peer.version = 9;
  for (std::uint64_t i = 0; i < connections; ++i) {
    peer.connections.push_back(
        {PeerName{first + i}, "10.9.0.1:" + std::to_string(i + 1), true, true});
  }
  return peer;
}

class Crowd : public ::testing::Test {
 protected:
  void start(std::size_t nodes, std::int64_t limit) {
    for (std::uint64_t i = 1; i <= nodes; ++i) {
      mesh.add(i, {{{"peer-limit", limit}}});
    }
    ASSERT_TRUE(mesh.converge(30s));
    mesh.world.run_for(2s);
    insider.meet();
    mesh.world.run_for(1s);
  }
  [[nodiscard]] SimNode& node(std::uint64_t number) { return *mesh.nodes[number - 1]; }

  SimMesh mesh;
  RawPeer insider{mesh.world, 200};
};

TEST_F(Crowd, AFullPeerTableRefusesTheRestAndCutsNobody) {
  start(4, 16);
  insider.send_topology({invented(200, 100)});
  mesh.world.run_for(3s);

  EXPECT_FALSE(insider.is_closed);
  for (const auto& node : mesh.nodes) {
    EXPECT_EQ(node->topology()->peers.size(), 16U);
    EXPECT_EQ(node->neighbours(), 3U);
    EXPECT_GT(refused(*node, "table-full"), 0U);
    EXPECT_EQ(node->dropped("malformed"), 0U);
    EXPECT_TRUE(node->gone.empty());
  }
}

TEST_F(Crowd, ARealPeerFindsAPlaceAmongInventedOnes) {
  start(3, 16);
  std::vector<Topology::Peer> crowd{invented(200, 100)};
  for (std::uint64_t i = 0; i < 50; ++i) {
    crowd.push_back(invented(0x10000 + i, 0));
  }
  insider.send_topology(crowd);
  mesh.world.run_for(2s);
  ASSERT_EQ(node(1).topology()->peers.size(), 16U);

  mesh.add(4, {{{"peer-limit", std::int64_t{16}}}});

  EXPECT_TRUE(mesh.converge(20s));
}

TEST_F(Crowd, InventedPeersAreGoneSoonAfterWhoeverNamedThem) {
  start(3, 64);
  insider.send_topology({invented(200, 50), invented(0x10001, 20, 0x20000)});
  mesh.world.run_for(3s);
  ASSERT_EQ(node(3).topology()->peers.size(), 64U);

  insider.leave();
  mesh.world.run_for(3s);

  for (const auto& node : mesh.nodes) {
    EXPECT_EQ(node->topology()->peers.size(), 3U);
  }
}

TEST_F(Crowd, ALongMessageIsReadInSlicesWhileOthersAreHeard) {
  start(3, 1024);
  std::vector<Topology::Peer> crowd{invented(200, 300)};
  for (std::uint64_t i = 0; i < 300; ++i) {
    crowd.push_back(invented(0x10000 + i, 200));
  }
  insider.send_topology(crowd);
  ASSERT_GT(300U * 200U * 16U, 10 * TopologyChannel::slice_bytes);
  const auto known = [&](std::uint64_t number) -> std::size_t {
    const auto topology = node(1).topology();
    const Topology::Peer* const peer = topology->find(PeerName{0x10000 + number});
    return peer == nullptr ? 0 : peer->connections.size();
  };
  EXPECT_TRUE(mesh.world.run_until([&] { return known(0) == 200 && known(299) == 0; }, 2s));
  mesh.world.run_for(5s);

  EXPECT_FALSE(insider.is_closed);
  EXPECT_EQ(known(299), 200U);
  EXPECT_EQ(node(3).neighbours(), 2U);
}

/// Each lists the insider and the others, as the insider lists them, so that frames seem to go
/// there.
TEST_F(Crowd, PeersThatListEachOtherCostABoundedAmount) {
  start(3, 1024);
  insider.send(mesh::encode_message(mesh::OverlayControl{}));
  std::vector<Topology::Peer> crowd{invented(200, 1000)};
  crowd[0].version = 1000;
  crowd[0].connections.push_back({PeerName{1}, "10.0.0.1:6783", true, true});
  insider.send_topology(crowd);
  for (const std::size_t each : {std::size_t{0}, std::size_t{330}}) {
    for (std::uint64_t first = 0; first < 1000; first += 100) {
      crowd.clear();
      for (std::uint64_t i = first; i < first + 100; ++i) {
        crowd.push_back(invented(0x10000 + i, 0));
        crowd.back().version += each;
        crowd.back().connections.push_back({PeerName{200}, "", true, true});
        for (std::uint64_t k = 1; k <= each / 2; ++k) {
          crowd.back().connections.push_back({PeerName{0x10000 + (i + k) % 1000}, "", true, true});
          crowd.back().connections.push_back(
              {PeerName{0x10000 + (i + 1000 - k) % 1000}, "", true, true});
        }
      }
      insider.send_topology(crowd);
    }
    mesh.world.run_for(5s);
    EXPECT_EQ(node(1).reachable(), 1003U);
  }

  EXPECT_FALSE(insider.is_closed);
  for (const auto& node : mesh.nodes) {
    std::size_t connections = 0;
    for (const auto& peer : node->topology()->peers) {
      connections += peer.connections.size();
    }
    EXPECT_LT(connections, 90'000U);
    EXPECT_GT(refused(*node, "table-full"), 0U);
    EXPECT_EQ(node->routes->unicast.size(), node->routes->broadcast.size() - 1);
  }
  EXPECT_TRUE(mesh.nodes[1]->gone.empty());
}

TEST_F(Crowd, ALongMessageThatIsNoTopologyInTheEndEndsTheConnection) {
  start(2, 1024);
  std::vector<const Topology::Peer*> list;
  const Topology::Peer peer = invented(0x10000, 1000);
  list.assign(10, &peer);
  Bytes payload = mesh::encode_topology(list);
  payload.pop_back();
  insider.send(mesh::encode_message(mesh::Gossip{"topology", PeerName{200}, payload}));

  EXPECT_TRUE(mesh.world.run_until([&] { return insider.is_closed; }, 2s));
  EXPECT_EQ(node(1).dropped("malformed"), 1U);
}

/// Everything a large mesh knows leaves in several messages, none of them long.
TEST_F(Crowd, AllThatIsKnownIsSentInParts) {
  start(2, 1024);
  std::vector<Topology::Peer> crowd{invented(200, 300)};
  for (std::uint64_t i = 0; i < 300; ++i) {
    crowd.push_back(invented(0x10000 + i, 100));
  }
  insider.send_topology(crowd);
  mesh.world.run_for(5s);
  RawPeer late(mesh.world, 201);
  late.meet();
  mesh.world.run_for(2s);

  std::set<PeerName> told;
  for (const Bytes& octets : late.received) {
    EXPECT_LT(octets.size(), 2 * Channels::topology_chunk_bytes);
    const auto message = mesh::parse_message(octets);
    if (const auto* const gossip = message ? std::get_if<mesh::Gossip>(&*message) : nullptr) {
      const auto entries = mesh::decode_topology(gossip->payload);
      ASSERT_TRUE(entries);
      for (const auto& entry : *entries) {
        told.insert(entry.name);
      }
    }
  }
  EXPECT_GE(told.size(), 303U);
}

}  // namespace
}  // namespace weft::gossip
