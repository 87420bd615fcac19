/// The node's own address: when it is taken, and that IPAM and the bridge always agree on it.

#include <gtest/gtest.h>

#include <weft/events/bridge.hpp>

#include "ipam/test_node.hpp"

namespace weft::ipam {
namespace {

using namespace std::chrono_literals;
using namespace test;

class NodeAddressTest : public ::testing::Test {
 protected:
  /// A node on `disk` with `bridge`.
  void boot(const testing::Settings& settings = {}) {
    node.emplace(world, disk);
    ASSERT_TRUE(node->host.services().provide<BridgeV2>(bridge));
    ipam = &node->start(settings);
    world.run_for(1s);
  }
  /// The node's memory is lost, the disk stays, and so does the bridge.
  void reboot(const testing::Settings& settings = {}) {
    node.reset();
    boot(settings);
  }
  /// Others changed the bridge.
  void tell_of_bridge() {
    node->host.bus().publish(events::BridgeAddressesChanged{bridge.addresses});
    world.run_for(1s);
  }
  std::vector<net::Cidr> held(std::string owner = "weave:expose") {
    return *node->host.await<std::vector<net::Cidr>>(
        [&](auto reply) { ipam->lookup(owner, std::move(reply)); });
  }
  std::vector<net::Cidr> list(std::initializer_list<const char*> addresses) {
    std::vector<net::Cidr> parsed;
    std::ranges::transform(addresses, std::back_inserter(parsed), cidr);
    return parsed;
  }
  /// What another peer with a ring of its own says.
  void hear_ring(PeerName owner) {
    const AddressRange range = range_of(cidr("10.32.0.0/12"));
    Ring theirs(range, owner);
    theirs.divide({owner});
    GossipState state;
    state.ring = theirs.state();
    node->mesh.loop_->post([this, octets = encode_gossip(state, owner)] {
      EXPECT_TRUE(node->mesh.handler_->on_gossip(octets));
    });
    world.run_for(1s);
  }

  SimWorld world;
  std::shared_ptr<testing::MemoryDisk> disk = std::make_shared<testing::MemoryDisk>();
  FakeBridge bridge;
  std::optional<Fixture> node;
  Ipam* ipam = nullptr;
};

const testing::Settings alone{{"init", "seed=::1"}};  // a node with the ring of its own

TEST_F(NodeAddressTest, ANodeHasAnAddressFromItsStartWithoutAnyPod) {
  boot(alone);

  EXPECT_EQ(bridge.addresses, list({"10.32.0.1/12"}));
  EXPECT_TRUE(bridge.is_masqueraded);
  EXPECT_EQ(held(), bridge.addresses);
}

TEST_F(NodeAddressTest, ComesFromTheDefaultSubnet) {
  boot({{"init", "seed=::1"}, {"default-subnet", "10.33.1.0/24"}});

  EXPECT_EQ(bridge.addresses, list({"10.33.1.1/24"}));
}

TEST_F(NodeAddressTest, WaitsForARingAndNeverBeginsOne) {
  boot();  // consensus, and nobody else there: whoever began would have a ring of its own

  world.run_for(10min);
  EXPECT_TRUE(bridge.addresses.empty());
  EXPECT_EQ(node->mesh.broadcasts, 0);
  EXPECT_NE(node->host.call("ipam.status")->find(R"("Paxos":null)"), std::string::npos);
  EXPECT_NE(node->host.call("ipam.status")->find(R"("PendingAllocates":null)"), std::string::npos);

  ASSERT_EQ(node->allocate(*ipam, "pod"), cidr("10.32.0.1/12"));  // it divides the range
  world.run_for(1s);
  EXPECT_EQ(bridge.addresses, list({"10.32.0.2/12"}));
}

TEST_F(NodeAddressTest, AsksAPeerForSpaceAndWaitsWithoutEnd) {
  boot({{"allocate-timeout", "1s"}});
  node->mesh.peers.push_back({PeerName{2}, "node2", 8, 1, {}, {}});

  hear_ring(PeerName{2});
  world.run_for(1min);

  EXPECT_TRUE(bridge.addresses.empty());
  EXPECT_GE(node->mesh.unicasts.size(), 10u);  // asks again and again
  EXPECT_EQ(node->mesh.unicasts.back().first, PeerName{2});
  EXPECT_EQ(node->mesh.unicasts.back().second.front(), std::byte{0});
  EXPECT_NE(node->host.call("ipam.status")->find("weave:expose 10.32.0.0/12"), std::string::npos);
}

TEST_F(NodeAddressTest, CanBeSwitchedOff) {
  boot({{"init", "seed=::1"}, {"expose", false}});

  EXPECT_TRUE(bridge.addresses.empty());
  EXPECT_TRUE(held().empty());
}

TEST_F(NodeAddressTest, AStoredAddressIsPutOnTheBridgeAtTheNextStart) {
  boot(alone);
  ASSERT_EQ(held(), list({"10.32.0.1/12"}));

  bridge.addresses.clear();  // the machine restarted
  reboot({{"expose", false}});

  EXPECT_EQ(bridge.addresses, list({"10.32.0.1/12"}));
}

TEST_F(NodeAddressTest, WhatTheBridgeHasIsClaimedBeforeTheFirstAllocation) {
  bridge.addresses = list({"10.32.0.1/12", "192.168.7.1/24"});  // by the host's configuration
  node.emplace(world, disk);
  ASSERT_TRUE(node->host.services().provide<BridgeV2>(bridge));
  ipam = &node->start(alone);

  EXPECT_EQ(node->allocate(*ipam, "pod"), cidr("10.32.0.2/12"));
  EXPECT_EQ(held(), list({"10.32.0.1/12"}));
  EXPECT_EQ(bridge.addresses, list({"10.32.0.1/12", "192.168.7.1/24"})) << "it has an address";
}

TEST_F(NodeAddressTest, AnAddressOnTheBridgeIsNoReasonToDivideTheRange) {
  bridge.addresses = list({"10.32.0.9/12"});
  boot();

  world.run_for(1min);
  EXPECT_EQ(node->mesh.broadcasts, 0);
  ASSERT_EQ(node->allocate(*ipam, "pod"), cidr("10.32.0.1/12"));
  EXPECT_EQ(held(), list({"10.32.0.9/12"}));
}

TEST_F(NodeAddressTest, WhatSomebodyGivesTheBridgeLaterIsClaimed) {
  boot(alone);
  bridge.addresses.push_back(cidr("10.32.0.7/12"));
  tell_of_bridge();

  EXPECT_EQ(held(), list({"10.32.0.1/12", "10.32.0.7/12"}));
}

TEST_F(NodeAddressTest, WhatSomebodyTakesOffTheBridgeAgainIsFree) {
  boot(alone);
  bridge.addresses.push_back(cidr("10.32.0.2/12"));
  tell_of_bridge();
  ASSERT_EQ(held(), list({"10.32.0.1/12", "10.32.0.2/12"}));

  bridge.addresses.pop_back();
  tell_of_bridge();

  EXPECT_EQ(held(), list({"10.32.0.1/12"}));
  EXPECT_EQ(node->allocate(*ipam, "pod"), cidr("10.32.0.2/12"));
}

TEST_F(NodeAddressTest, WhatSomebodyGaveTheBridgeStaysWhenItWasExposedToo) {
  boot(alone);
  bridge.addresses.push_back(cidr("10.32.0.7/12"));
  tell_of_bridge();
  ASSERT_TRUE(node->host.call("ipam.expose", R"({"address":"10.32.0.7"})"));

  bridge.addresses = list({"10.32.0.1/12"});  // as if the bridge was told too soon
  tell_of_bridge();

  EXPECT_EQ(held(), list({"10.32.0.1/12", "10.32.0.7/12"}));
}

TEST_F(NodeAddressTest, SaysThatTheBridgeHasAPodsAddressUntilItIsClaimed) {
  boot(alone);
  ASSERT_EQ(node->allocate(*ipam, "pod"), cidr("10.32.0.2/12"));
  bridge.addresses.push_back(cidr("10.32.0.2/12"));
  tell_of_bridge();
  tell_of_bridge();

  const auto said =
      std::ranges::count(node->host.log_lines(), "the bridge has an address that is not its own",
                         &testing::LogLine::message);
  EXPECT_EQ(said, 1);
  EXPECT_NE(node->host.call("ipam.status")->find("the bridge has 10.32.0.2/12"), std::string::npos);
  EXPECT_EQ(held("pod"), list({"10.32.0.2/12"}));

  ASSERT_TRUE(node->host.call("ipam.release", R"({"owner":"pod"})"));
  world.run_for(10s);

  EXPECT_EQ(held(), list({"10.32.0.1/12", "10.32.0.2/12"}));
  EXPECT_EQ(node->host.call("ipam.status")->find("which is not its own"), std::string::npos);
}

TEST_F(NodeAddressTest, WhatTheBridgeHasIsNotFreedByCommand) {
  boot(alone);

  const auto refused = node->host.call("ipam.release", R"({"owner":"weave:expose"})");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().context.find("'weft hide 10.32.0.1'"), std::string::npos);
  EXPECT_FALSE(
      node->host.call("ipam.release", R"({"owner":"weave:expose","address":"10.32.0.1/12"})"));
  EXPECT_EQ(node->allocate(*ipam, "pod"), cidr("10.32.0.2/12"));

  bridge.addresses.clear();  // and cannot be given it
  EXPECT_TRUE(node->host.call("ipam.release", R"({"owner":"weave:expose"})"));
}

TEST_F(NodeAddressTest, TriesAgainWhenTheBridgeCannotBeGivenTheAddress) {
  bridge.is_failing = true;
  boot(alone);
  world.run_for(20s);
  EXPECT_GE(bridge.asked, 3);

  bridge.is_failing = false;
  world.run_for(10s);

  EXPECT_EQ(bridge.addresses, list({"10.32.0.1/12"}));
  const auto lines = std::ranges::count(node->host.log_lines(),
                                        "the node's address is not on the bridge; trying again",
                                        &testing::LogLine::message);
  EXPECT_EQ(lines, 1);
}

TEST_F(NodeAddressTest, IsExposedAndHiddenByCommand) {
  boot({{"init", "seed=::1"}, {"expose", false}});
  FakeHost& host = node->host;

  EXPECT_EQ(host.call("ipam.expose"), R"({"addresses":["10.32.0.1/12"]})");
  EXPECT_EQ(host.call("ipam.expose", R"({"subnet":"10.33.0.0/24","masquerade":false})"),
            R"({"addresses":["10.33.0.1/24"]})");
  EXPECT_FALSE(bridge.is_masqueraded);
  EXPECT_EQ(host.call("ipam.expose", R"({"address":"10.32.0.9"})"),
            R"({"addresses":["10.32.0.9/12"]})");
  EXPECT_EQ(host.call("ipam.expose", R"({"address":"192.168.0.1/24"})"),
            R"({"addresses":["192.168.0.1/24"]})");
  EXPECT_EQ(host.call("ipam.expose", R"({"address":"192.168.0.2"})").error().context,
            "expose 192.168.0.2: give it the prefix length of its network, as in 192.168.0.2/24");
  EXPECT_EQ(bridge.addresses,
            list({"10.32.0.1/12", "10.33.0.1/24", "10.32.0.9/12", "192.168.0.1/24"}));
  EXPECT_EQ(held(), bridge.addresses);

  EXPECT_EQ(host.call("ipam.hide", R"({"address":"10.32.0.9"})"),
            R"({"addresses":["10.32.0.9/12"]})");
  EXPECT_EQ(host.call("ipam.hide", R"({"address":"10.32.0.9"})").error().code, Errc::not_found);
  EXPECT_EQ(held(), list({"10.32.0.1/12", "10.33.0.1/24", "192.168.0.1/24"}));
  EXPECT_TRUE(host.call("ipam.hide"));
  EXPECT_TRUE(bridge.addresses.empty());
  EXPECT_TRUE(held().empty());
  EXPECT_EQ(host.call("ipam.hide"), R"({"addresses":[]})");
}

TEST_F(NodeAddressTest, WhatTheBridgeDoesNotTakeIsFreeAgain) {
  boot({{"init", "seed=::1"}, {"expose", false}});
  ASSERT_TRUE(node->host.call("ipam.expose", R"({"address":"10.32.0.9"})"));
  bridge.is_failing = true;

  EXPECT_FALSE(node->host.call("ipam.expose", R"({"address":"10.32.0.8"})"));
  EXPECT_FALSE(node->host.call("ipam.expose", R"({"subnet":"10.33.0.0/24"})"));
  EXPECT_FALSE(node->host.call("ipam.expose", R"({"address":"192.168.0.1/24"})"));
  EXPECT_FALSE(node->host.call("ipam.expose", R"({"address":"10.32.0.9"})"));

  EXPECT_EQ(held(), list({"10.32.0.9/12"}));
}

TEST_F(NodeAddressTest, SaysToTheBridgeWhichAddressesAreItsOwn) {
  boot(alone);
  ASSERT_EQ(bridge.addresses, list({"10.32.0.1/12"}));
  bridge.named.clear();
  bridge.addresses.push_back(cidr("192.168.7.7/24"));  // somebody else's

  reboot(alone);

  EXPECT_EQ(bridge.named, list({"10.32.0.1/12"}));
}

TEST_F(NodeAddressTest, CommandsSayThatThereIsNoBridge) {
  node.emplace(world, disk);
  node->start(alone);

  EXPECT_EQ(node->host.call("ipam.expose").error().code, Errc::unsupported);
  EXPECT_EQ(node->host.call("ipam.hide").error().code, Errc::unsupported);
}

}  // namespace
}  // namespace weft::ipam
