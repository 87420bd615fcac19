/// The guard's rules as values, and which ports a topology names.

#include "node_guard_table.hpp"

#include <netinet/in.h>

#include <gtest/gtest.h>

namespace weft::bridge {
namespace {

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
      {third, "third", 7, 1, {}, {{other, "nonsense", true, true}}},
  };
  return topology;
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

  EXPECT_EQ(ports_from(node_guard_table("weave", ports).sets[0].elements), ports);
  EXPECT_TRUE(ports_from({nft::Element{Bytes(3)}}).empty());
}

TEST(NodeGuardTable, LooksAtWhatComesInByTheBridgeOrByAPodsPort) {
  const nft::Table table = node_guard_table("weave", {});

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
