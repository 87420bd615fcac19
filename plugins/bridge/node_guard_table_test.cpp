/// The guard's rules as values, and which nodes and ports a topology names.

#include "node_guard_table.hpp"

#include <netinet/in.h>

#include <algorithm>

#include <gtest/gtest.h>

namespace weft::bridge {
namespace {

net::IpAddress ip(std::string_view text) {
  return net::parse_ip(text).value();
}

constexpr PeerName self{1};
constexpr PeerName other{2};
constexpr PeerName third{3};

/// `self` dialled `other` and was dialled by `third`, who says more.
Topology mesh() {
  Topology topology;
  topology.self = self;
  topology.peers = {
      {self,
       "self",
       7,
       1,
       {},
       {{other, "192.0.2.2:7000", true, true},
        {third, "[2001:db8::3]:41234", false, true},
        {third, "192.0.2.9:9000", true, false}}},
      {other, "other", 7, 1, {}, {{third, "192.0.2.33:8000", true, true}}},
      {third,
       "third",
       7,
       1,
       {},
       {{other, "nonsense", true, true},
        {other, "127.0.0.1:6783", true, true},
        {other, "224.0.0.251:6783", true, true},
        {other, "0.0.0.0:6783", true, true},
        {other, "[::1]:6783", true, true}}},
  };
  return topology;
}

TEST(AddressesOfNodes, AreThoseThatPeersConnectTo) {
  const NodeAddresses named = addresses_of_nodes(mesh());

  EXPECT_EQ(named.addresses,
            (std::set{ip("192.0.2.2"), ip("192.0.2.9"), ip("192.0.2.33"), ip("2001:db8::3")}));
  EXPECT_FALSE(named.is_cut);
}

TEST(AddressesOfNodes, AreBoundedAndOurOwnConnectionsComeFirst) {
  Topology topology = mesh();
  topology.self = third;
  std::swap(topology.peers[0].name, topology.peers[2].name);
  std::ranges::rotate(topology.peers, topology.peers.begin() + 1);  // `self` is last
  topology.self = PeerName{3};

  const NodeAddresses named = addresses_of_nodes(topology, 3);

  EXPECT_EQ(named.addresses, (std::set{ip("192.0.2.2"), ip("192.0.2.9"), ip("2001:db8::3")}));
  EXPECT_TRUE(named.is_cut);
}

TEST(DialledPorts, AreOnlyThoseOfNodesThisOneReached) {
  EXPECT_EQ(dialled_ports(mesh()), (std::set<std::uint16_t>{7000}));
  EXPECT_TRUE(dialled_ports(Topology{}).empty());
}

TEST(PortsBeside, FollowFromTheMeshs) {
  EXPECT_EQ(ports_beside(6783), (std::set<Port>{{IPPROTO_TCP, std::uint16_t{6783}},
                                                {IPPROTO_UDP, std::uint16_t{6783}},
                                                {IPPROTO_UDP, std::uint16_t{6784}}}));
  EXPECT_EQ(ports_beside(65535).size(), 2u);
}

TEST(NodeGuardTable, SurvivesAReading) {
  const std::set<Port> ports = ports_beside(6783);
  const std::set nodes{ip("192.0.2.2"), ip("2001:db8::3")};

  const nft::Table table = node_guard_table("weave", ports, nodes);

  EXPECT_EQ(ports_from(table.field_sets[0].elements), ports);
  std::vector<Bytes> elements = table.field_sets[1].elements;
  elements.insert(elements.end(), table.field_sets[2].elements.begin(),
                  table.field_sets[2].elements.end());
  EXPECT_EQ(nodes_from(elements), nodes);
  EXPECT_TRUE(nodes_from({Bytes(3)}).empty());
  EXPECT_TRUE(ports_from({Bytes(3)}).empty());
}

TEST(NodeGuardTable, LooksAtWhatComesInByTheBridgeOrByAPodsPort) {
  const nft::Table table = node_guard_table("weave", {}, {});

  for (const std::size_t hook : {std::size_t{0}, std::size_t{1}}) {
    ASSERT_EQ(table.chains[hook].rules.size(), 2u);
    EXPECT_EQ(table.chains[hook].rules[0].statements.front(),
              (nft::Statement{nft::Interface{nft::Direction::in, "weave"}}));
    EXPECT_EQ(table.chains[hook].rules[1].statements.front(),
              (nft::Statement{nft::Interface{nft::Direction::in, "vethwepl", false, true}}));
  }
}

}  // namespace
}  // namespace weft::bridge
