/// The address plugin over the real mesh plugin: whole nodes on virtual time and a virtual network.

#include <gtest/gtest.h>

#include <map>

#include "gossip/sim_mesh.hpp"
#include "ipam/ipam_plugin.hpp"

namespace weft::ipam {
namespace {

using namespace std::chrono_literals;
using gossip::SimMesh;
using gossip::SimNode;

void start_ipam(SimNode& node, const std::string& init) {
  node.host().start<IpamPlugin>("ipam", {{"range", std::string("10.32.0.0/24")}, {"init", init}});
}

Result<net::Cidr> allocate(SimNode& node, const std::string& owner) {
  Ipam& ipam = **node.host().services().require<Ipam>();
  return node.host().await<net::Cidr>(
      [&](Reply<net::Cidr> reply) { ipam.allocate(owner, std::nullopt, std::move(reply)); });
}

TEST(IpamOverMesh, AgreesOnTheDivisionAndGivesNoAddressTwice) {
  SimMesh mesh;
  for (std::uint64_t number = 1; number <= 4; ++number) {
    start_ipam(mesh.add(number), "consensus=4");
  }

  std::map<net::IpAddress, std::string> given;
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = 0; i < mesh.nodes.size(); ++i) {
      const std::string owner = "c" + std::to_string(round) + "-" + std::to_string(i);
      const auto address = allocate(*mesh.nodes[i], owner);
      ASSERT_TRUE(address) << address.error().message();
      EXPECT_TRUE(given.emplace(address->address, owner).second) << net::to_string(*address);
    }
  }
}

TEST(IpamOverMesh, FillsTheRangeThroughOneNodeThatGetsSpaceFromTheOthers) {
  SimMesh mesh;
  for (std::uint64_t number = 1; number <= 3; ++number) {
    start_ipam(mesh.add(number), "consensus=3");
  }
  std::map<net::IpAddress, int> given;
  for (int i = 0; i < 254; ++i) {
    const auto address = allocate(*mesh.nodes[0], "c" + std::to_string(i));
    ASSERT_TRUE(address) << i << ": " << address.error().message();
    EXPECT_TRUE(given.emplace(address->address, i).second);
  }

  const auto beyond = allocate(*mesh.nodes[0], "one too many");
  EXPECT_EQ(beyond.error().code, Errc::timeout);
  EXPECT_NE(beyond.error().context.find("pool exhausted"), std::string::npos)
      << beyond.error().context;
}

TEST(IpamOverMesh, LetsALatecomerAndAnObserverJoin) {
  SimMesh mesh;
  start_ipam(mesh.add(1), "consensus=1");
  ASSERT_TRUE(allocate(*mesh.nodes[0], "c1"));

  start_ipam(mesh.add(2), "consensus=1");  // finds the ring before it needs to vote
  mesh.world.run_for(35s);
  start_ipam(mesh.add(3), "observer");
  EXPECT_TRUE(allocate(*mesh.nodes[1], "c2"));
  EXPECT_TRUE(allocate(*mesh.nodes[2], "c3"));
}

TEST(IpamOverMesh, GoesOnWhileTheMeshIsReplaced) {
  SimMesh mesh;
  start_ipam(mesh.add(1), "consensus=2");
  start_ipam(mesh.add(2), "consensus=2");
  SimNode& node = *mesh.nodes[1];
  ASSERT_TRUE(allocate(node, "before"));

  node.host().stop("gossip");
  EXPECT_TRUE(allocate(node, "meanwhile")) << "from the ranges that are this node's own";
  node.host().start<gossip::Gossip>("gossip", {{"peers", std::vector<std::string>{"10.0.0.1"}}});
  mesh.world.run_for(5s);

  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(allocate(node, "c" + std::to_string(i))) << i << ": more than this node's share";
  }
}

}  // namespace
}  // namespace weft::ipam
