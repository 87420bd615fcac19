/// The address plugin over the real mesh plugin: whole nodes on virtual time and a virtual network.

#include <gtest/gtest.h>

#include <map>

#include "gossip/gossip.hpp"
#include "gossip/testing/sim_mesh.hpp"
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
  return node.host()
      .await<std::vector<AllocatedAddress>>(
          [&](auto reply) { ipam.allocate(owner, {}, std::move(reply)); })
      .map([](const auto& allocated) { return allocated.at(0).address; });
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

/// A member of the channel that says what a test wants, and hears nothing.
class Liar final : private GossipHandler {
 public:
  explicit Liar(SimNode& node) : node_(node) {
    node.host().loop().run(
        [&] { channel_ = *node.mesh().join("IPallocation", *this, node.host().loop()); });
  }
  ~Liar() { leave(); }

  void say(const RingState& ring) {
    GossipState state;
    state.ring = ring;
    node_.host().loop().run([&] {
      lie_ = encode_gossip(state, PeerName{9});
      channel_->broadcast_state();
    });
  }
  void leave() {
    node_.host().loop().run([&] { channel_.reset(); });
  }

 private:
  Result<> on_unicast(PeerName, ByteView) override { return {}; }
  Result<std::optional<Bytes>> on_broadcast(PeerName, ByteView) override { return std::nullopt; }
  Result<std::optional<Bytes>> on_gossip(ByteView) override { return std::nullopt; }
  Bytes complete_state() override { return lie_; }

  SimNode& node_;
  Bytes lie_;
  std::unique_ptr<GossipChannel> channel_;
};

std::string ring_of(SimNode& node) {
  const std::string status = node.host().call("ipam.status").value();
  const std::size_t begin = status.find("Entries");
  return status.substr(begin, status.find("PendingClaims") - begin);
}

TEST(IpamOverMesh, HealsWithinSecondsFromAVisitThatGivesAwayARangeInUse) {
  SimMesh mesh;
  for (std::uint64_t number = 1; number <= 3; ++number) {
    start_ipam(mesh.add(number), "seed=::1,::2,::3");
    ASSERT_TRUE(allocate(*mesh.nodes[number - 1], "c" + std::to_string(number)));
  }
  mesh.add(9);
  ASSERT_TRUE(mesh.converge(10s));
  mesh.world.run_for(30s);
  const auto ended = [&] {
    std::uint64_t connections = 0;
    for (const auto& node : mesh.nodes) {
      connections += node->dropped("malformed") + node->dropped("handler-refused");
    }
    return connections;
  };

  {
    Liar liar(*mesh.nodes[3]);
    for (std::uint32_t i = 1; i <= 8; ++i) {
      liar.say({{0x0A200000, 0x0A200100},
                {{0x0A200000, PeerName{2}, 100 * i, 0}, {0x0A200080, PeerName{9}, 100 * i, 64}},
                {PeerName{1}, PeerName{2}, PeerName{3}}});
      mesh.world.run_for(500ms);
    }
  }
  mesh.world.run_for(5s);

  EXPECT_EQ(ended(), 0u);
  const std::string ring = ring_of(*mesh.nodes[0]);
  EXPECT_EQ(ring.find("00:00:00:00:00:09"), std::string::npos) << ring;
  EXPECT_EQ(ring_of(*mesh.nodes[1]), ring);
  EXPECT_EQ(ring_of(*mesh.nodes[2]), ring);
  EXPECT_GT(
      mesh.nodes[0]->counted("weft_ipam_outbid_total",
                             "Entries of messages that would have taken ranges from this peer."),
      0u);
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(allocate(*mesh.nodes[0], "d" + std::to_string(i)));
    ASSERT_TRUE(allocate(*mesh.nodes[1], "d" + std::to_string(i)));
  }
}

}  // namespace
}  // namespace weft::ipam
