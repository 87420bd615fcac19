/// A node that lost what it stored while its pods run on: it gives out nothing that is in use here
/// or at other peers, and says what it does not know.

#include <gtest/gtest.h>

#include <weft/events/bridge.hpp>

#include "ipam/test_node.hpp"
#include "ipam/test_world.hpp"

namespace weft::ipam {
namespace {

using namespace std::chrono_literals;
using test::cidr;
using test::FakeBridge;
using test::Fixture;
using test::Node;
using test::World;

/// Whatever was stored is gone; pods have addresses.
void lose_state(Node& node) {
  node.crash();
  node.disk = {};
  node.disk.is_in_use = true;
  node.start();
}

void claim_found(Node& node, std::string owner, const char* address) {
  node.allocator().claim(std::move(owner), cidr(address), ClaimMode::found, [](const Result<>&) {});
}

TEST(LostState, IsToldAgainByAPeerBeforeAnythingIsGivenOut) {
  for (const char* const init : {"seed=::1,::2", "consensus"}) {
    World world;
    Node& node = world.add(1, "seed=::1,::2");
    Node& peer = world.add(2, "seed=::1,::2");
    ASSERT_EQ(node.allocate("a"), cidr("10.32.0.1/24"));
    ASSERT_TRUE(peer.allocate("b"));
    node.init = init;

    lose_state(node);
    claim_found(node, "a", "10.32.0.1/24");

    EXPECT_EQ(node.allocate("c"), cidr("10.32.0.2/24")) << init;
    EXPECT_EQ(node.allocator().lookup("a"), std::vector{cidr("10.32.0.1/24")});
    EXPECT_EQ(node.allocator().ring().state().seeds.size(), 2u);
    world.expect_disjoint();
  }
}

TEST(LostState, OfANodeThatNobodyAnswersIsBegunAgainAfterAWhile) {
  World world;
  Node& node = world.add(1, "seed=::1");

  lose_state(node);
  claim_found(node, "a", "10.32.0.1/24");
  EXPECT_TRUE(node.allocator().ring().is_empty());
  EXPECT_TRUE(node.allocator().status().is_searching);

  EXPECT_EQ(node.allocate("c"), cidr("10.32.0.2/24")) << "waits for the search, not in vain";
  EXPECT_FALSE(node.allocator().status().is_searching);
}

TEST(LostState, AloneWithConsensusIsBegunAgainForARequest) {
  World world;
  Node& node = world.add(1);

  lose_state(node);
  claim_found(node, "a", "10.32.0.1/24");
  world.sim.run_for(1min);
  EXPECT_TRUE(node.allocator().ring().is_empty()) << "a claim is no reason to divide the range";

  EXPECT_EQ(node.allocate("c"), cidr("10.32.0.2/24"));
}

TEST(LostState, OfANewNodeIsNotSearched) {
  World world;
  Node& node = world.add(1, "seed=::1");
  EXPECT_FALSE(node.allocator().ring().is_empty());
}

TEST(LostState, DoesNotTakeBackWhatWasGivenToPeersBefore) {
  for (const char* const init : {"seed=::1", "consensus"}) {
    World world;
    Node& node = world.add(1, init);
    ASSERT_TRUE(node.allocate("a"));
    Node& peer = world.add(2, init);
    world.run_for(30s);
    const auto given = peer.allocate("b");  // of the half that the node gave away
    ASSERT_TRUE(given);
    const auto before = peer.allocator().ring().owned_ranges(PeerName{2});
    ASSERT_FALSE(before.empty());

    world.cut.insert({PeerName{1}, PeerName{2}});
    node.crash();
    node.disk = {};  // and no pods that would tell
    node.start();
    node.allocator().prime([](const Result<>&) {});
    world.sim.run_for(1s);
    ASSERT_EQ(node.allocator().ring().owned_ranges(PeerName{1}).size(), 1u) << "all of it again";
    world.cut.clear();
    world.run_for(2min);

    EXPECT_EQ(node.allocator().ring().owner(given->address.v4_value()), PeerName{2}) << init;
    EXPECT_EQ(peer.allocator().ring().owned_ranges(PeerName{2}), before);
    EXPECT_EQ(node.outbid, 0u);
    world.expect_disjoint();
  }
}

TEST(LostState, AClaimThatWaitsEndsWithTheReleaseOfItsAddress) {
  World world;
  Node& node = world.add(1, "observer");
  std::optional<Result<>> claimed;
  node.allocator().claim("weave:expose", cidr("10.32.0.9/24"), ClaimMode::found,
                         [&](const Result<>& answer) { claimed = answer; });
  claim_found(node, "pod", "10.32.0.9/24");

  std::optional<Result<>> released;
  node.allocator().release_address("weave:expose", cidr("10.32.0.9/24").address,
                                   [&](const Result<>& answer) { released = answer; });
  world.sim.run_for(1s);

  ASSERT_TRUE(claimed && released);
  EXPECT_EQ(claimed->error().code, Errc::cancelled);
  EXPECT_TRUE(*released);
  ASSERT_EQ(node.allocator().status().pending_claims.size(), 1u);
  EXPECT_EQ(node.allocator().status().pending_claims[0].owner, "pod");
}

/// The plugin on a bridge with pods, whose store is empty.
class PodsRunOn : public ::testing::Test {
 protected:
  void boot(const testing::Settings& settings) {
    node.emplace(world, disk);
    ASSERT_TRUE(node->host.services().provide<BridgeV2>(bridge));
    ipam = &node->start(settings);
  }
  std::vector<net::Cidr> held(std::string owner) {
    return *node->host.await<std::vector<net::Cidr>>(
        [&](auto reply) { ipam->lookup(owner, std::move(reply)); });
  }
  std::string status() { return node->host.call("ipam.status").value_or("none"); }

  testing::SimWorld world;
  std::shared_ptr<testing::MemoryDisk> disk = std::make_shared<testing::MemoryDisk>();
  FakeBridge bridge;
  std::optional<Fixture> node;
  Ipam* ipam = nullptr;
};

const testing::Settings alone{{"init", "seed=::1"}};

TEST_F(PodsRunOn, TheirAddressesAreClaimedForTheirContainersBeforeTheFirstAllocation) {
  bridge.addresses = {cidr("10.32.0.2/12")};
  bridge.attached = {{"vethwepl1", "c1", {cidr("10.32.0.1/12")}},
                     {"vethwepl2", "", {cidr("10.32.0.3/32")}},
                     {"vethwepl3", "c3", {cidr("192.168.0.1/24")}}};
  boot(alone);

  EXPECT_EQ(node->allocate(*ipam, "new"), cidr("10.32.0.4/12"));
  EXPECT_EQ(held("c1"), std::vector{cidr("10.32.0.1/12")});
  EXPECT_EQ(held("10.32.0.3"), std::vector{cidr("10.32.0.3/12")}) << "of whom nobody knows";
  EXPECT_TRUE(held("c3").empty()) << "not of the range";
  EXPECT_TRUE(
      node->host.logged("pods have addresses that this node has not stored; claiming them"));
  EXPECT_EQ(status().find("Warnings"), std::string::npos) << "all is well again";
}

TEST_F(PodsRunOn, StatusSaysThatThePeersAreAsked) {
  bridge.attached = {{"vethwepl1", "c1", {cidr("10.32.0.1/12")}}};
  boot({});
  world.run_for(1s);

  EXPECT_TRUE(status().find(R"("Searching":true)") != std::string::npos) << status();
  EXPECT_TRUE(status().find("1 addresses found in pods wait") != std::string::npos) << status();
}

TEST_F(PodsRunOn, WhatIsStoredIsNotClaimedAgain) {
  boot(alone);
  const auto address = node->allocate(*ipam, "c1");
  ASSERT_TRUE(address);
  bridge.attached = {{"vethwepl1", "other", {*address}}};
  node.reset();
  boot(alone);

  EXPECT_EQ(held("c1"), std::vector{*address});
  EXPECT_TRUE(held("other").empty());
  EXPECT_FALSE(
      node->host.logged("pods have addresses that this node has not stored; claiming them"));
}

TEST_F(PodsRunOn, SaysThatTwoPodsUseOneAddressAndThatAPodCannotBeSeen) {
  bridge.attached = {{"vethwepl1", "c1", {cidr("10.32.0.1/12")}},
                     {"vethwepl2", "c2", {cidr("10.32.0.1/12")}},
                     {"vethwepl3", "c3", {}}};
  boot(alone);
  ASSERT_TRUE(node->allocate(*ipam, "new"));

  EXPECT_TRUE(node->host.logged("a pod uses an address that is not its own"));
  EXPECT_TRUE(status().find("the pod at port vethwepl2 uses 10.32.0.1") != std::string::npos);
  EXPECT_TRUE(status().find("the address of the pod at port vethwepl3 cannot be seen") !=
              std::string::npos);
}

TEST_F(PodsRunOn, AndKeepTheirAddressesWhateverAnOperatorReleases) {
  bridge.attached = {{"vethwepl1", "c1", {cidr("10.32.0.1/32")}}};
  boot(alone);
  ASSERT_TRUE(node->allocate(*ipam, "c2"));
  for (const char* const given : {R"({"owner":"c1"})", R"({"owner":"c1","address":"10.32.0.1"})"}) {
    const auto refused = node->host.call("ipam.release", given);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().context,
              "release 10.32.0.1: the pod at port vethwepl1 (c1) uses it; end that pod, which "
              "frees it");
  }
  EXPECT_EQ(held("c1").size(), 1u);
  EXPECT_TRUE(node->host.call("ipam.release", R"({"owner":"c2"})"));

  bridge.attached.clear();
  EXPECT_TRUE(node->host.call("ipam.release", R"({"owner":"c1"})"));
  EXPECT_TRUE(held("c1").empty());
}

/// A plugin with a bridge on which a pod is.
class LateBridge final : public Plugin {
 public:
  explicit LateBridge(Host& host) : host_(host) {
    bridge_.attached = {{"vethwepl1", "c1", {cidr("10.32.0.9/12")}}};
  }
  Result<> start() override { return host_.services().provide<BridgeV2>(bridge_); }
  void stop() noexcept override {}

 private:
  Host& host_;
  FakeBridge bridge_;
};

TEST_F(PodsRunOn, OnABridgeThatComesLater) {
  node.emplace(world, disk);
  ipam = &node->start(alone);
  world.run_for(1s);
  ASSERT_TRUE(held("c1").empty());

  node->host.start<LateBridge>("bridge");

  EXPECT_EQ(held("c1"), std::vector{cidr("10.32.0.9/12")});
}

TEST_F(PodsRunOn, AnAddressOfTheBridgeIsHiddenAlsoWhileItsClaimWaits) {
  bridge.addresses = {cidr("10.32.0.9/12")};
  boot({});  // nobody divides the range
  world.run_for(1s);
  ASSERT_TRUE(status().find("weave:expose") != std::string::npos);

  EXPECT_EQ(node->host.call("ipam.hide"), R"({"addresses":["10.32.0.9/12"]})");

  EXPECT_TRUE(bridge.addresses.empty());
  EXPECT_TRUE(status().find("weave:expose") == std::string::npos) << status();
}

}  // namespace
}  // namespace weft::ipam
