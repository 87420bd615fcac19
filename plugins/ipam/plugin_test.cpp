/// The plugin as the node sees it: service, commands, events, configuration and restart.

#include <gtest/gtest.h>

#include "ipam/test_node.hpp"

namespace weft::ipam {
namespace {

using namespace std::chrono_literals;
using namespace test;

std::string start_error(const testing::Settings& settings) {
  SimWorld world;
  Fixture node(world);
  const auto started = node.host.try_start<IpamPlugin>("ipam", settings);
  return started ? "" : started.error().context;
}

TEST(IpamPlugin, ServesAllocationsFromItsFirstMoment) {
  SimWorld world;
  Fixture node(world);
  Ipam& ipam = node.start();  // the stored state is not read yet

  EXPECT_EQ(node.allocate(ipam, "c1"), cidr("10.32.0.1/12"));
  EXPECT_EQ(node.allocate(ipam, "c1"), cidr("10.32.0.1/12"));
  EXPECT_EQ(node.allocate(ipam, "c2", cidr("10.33.0.0/24")), cidr("10.33.0.1/24"));
  EXPECT_EQ(node.published, std::vector{cidr("10.32.0.0/12")});

  EXPECT_TRUE(
      node.host.await([&](Reply<> r) { ipam.claim("c3", cidr("10.32.0.9/12"), std::move(r)); }));
  EXPECT_EQ(
      node.host.await<std::vector<net::Cidr>>([&](auto r) { ipam.lookup("c3", std::move(r)); }),
      std::vector{cidr("10.32.0.9/12")});
  EXPECT_TRUE(node.host.await([&](Reply<> r) { ipam.release("c3", std::move(r)); }));
}

TEST(IpamPlugin, GivesBackWhatWasNotHeld) {
  SimWorld world;
  Fixture node(world);
  Ipam& ipam = node.start();
  ASSERT_TRUE(node.allocate(ipam, "c1"));
  const auto allocate = [&](std::vector<net::Cidr> subnets) {
    return node.host.await<std::vector<AllocatedAddress>>(
        [&](auto reply) { ipam.allocate("c1", subnets, std::move(reply)); });
  };

  EXPECT_EQ(allocate({}).value(), (std::vector<AllocatedAddress>{{cidr("10.32.0.1/12"), true}}));
  const auto fresh = allocate({cidr("10.33.0.0/24")}).value();
  EXPECT_EQ(fresh, (std::vector<AllocatedAddress>{{cidr("10.33.0.1/24"), false}}));
  EXPECT_TRUE(node.host.await([&](Reply<> reply) {
    ipam.release_addresses("c1", {fresh[0].address.address}, std::move(reply));
  }));

  EXPECT_EQ(
      node.host.await<std::vector<net::Cidr>>([&](auto r) { ipam.lookup("c1", std::move(r)); }),
      std::vector{cidr("10.32.0.1/12")});
}

TEST(IpamPlugin, HasOneFamily) {
  SimWorld world;
  Fixture node(world);
  Ipam& ipam = node.start();
  for (const auto& subnets :
       {std::vector{cidr("10.32.0.0/12"), cidr("fd00::/64")}, std::vector{cidr("fd00::/64")}}) {
    const auto allocated = node.host.await<std::vector<AllocatedAddress>>(
        [&](auto reply) { ipam.allocate("c1", subnets, std::move(reply)); });
    EXPECT_EQ(allocated.error().code, Errc::invalid);
  }
}

TEST(IpamPlugin, KeepsAddressesAcrossARestart) {
  SimWorld world;
  const auto disk = std::make_shared<testing::MemoryDisk>();
  {
    Fixture node(world, disk);
    Ipam& ipam = node.start();
    ASSERT_EQ(node.allocate(ipam, "c1"), cidr("10.32.0.1/12"));
  }
  Fixture node(world, disk);
  Ipam& ipam = node.start({{"init", "observer"}});  // the ring is there already
  EXPECT_EQ(node.allocate(ipam, "c2"), cidr("10.32.0.2/12"));
  EXPECT_EQ(node.allocate(ipam, "c1"), cidr("10.32.0.1/12"));
}

TEST(IpamPlugin, ChangesTheRangeOnlyWithoutPods) {
  SimWorld world;
  const auto disk = std::make_shared<testing::MemoryDisk>();
  {
    Fixture node(world, disk);
    ASSERT_EQ(node.allocate(node.start(), "c1"), cidr("10.32.0.1/12"));
  }
  {
    Fixture node(world, disk);
    node.start({{"range", "10.48.0.0/12"}});
    world.run_for(1s);
    ASSERT_EQ(node.host.failures().size(), 1u);
    EXPECT_EQ(
        node.host.failures()[0].context,
        "use range = \"10.48.0.0/12\": c1 here has 10.32.0.1, of 10.32.0.0/12, which the cluster "
        "divided; set range = \"10.32.0.0/12\" again, or end all pods of this node before you "
        "change it");
  }
  {
    Fixture node(world, disk);
    Ipam& ipam = node.start();
    EXPECT_EQ(node.allocate(ipam, "c1"), cidr("10.32.0.1/12"));
    ASSERT_TRUE(node.host.await([&](Reply<> reply) { ipam.release("c1", std::move(reply)); }));
    world.run_for(1s);
  }
  Fixture node(world, disk);
  EXPECT_EQ(node.allocate(node.start({{"range", "10.48.0.0/12"}}), "c1"), cidr("10.48.0.1/12"));
}

TEST(IpamPlugin, FailsRatherThanForgetAddressesInUse) {
  SimWorld world;
  const auto disk = std::make_shared<testing::MemoryDisk>();
  disk->entries["ipam/ring"] = Bytes{std::byte{9}};
  Fixture node(world, disk);
  Ipam& ipam = node.start();

  EXPECT_EQ(node.allocate(ipam, "c1").error().code, Errc::abandoned);
  ASSERT_EQ(node.host.failures().size(), 1u);
  EXPECT_TRUE(node.host.failures()[0].context.starts_with("read 'ipam/ring' from the store"));
}

TEST(IpamPlugin, RelaysItsOwnStateOnBroadcastsAndNothingOnGossip) {
  SimWorld world;
  Fixture node(world);
  Ipam& ipam = node.start();
  ASSERT_TRUE(node.allocate(ipam, "c1"));
  const Bytes observer = encode_gossip({}, PeerName{2});

  const auto relayed = node.mesh.handler_->on_broadcast(PeerName{2}, observer);
  EXPECT_TRUE(decode_gossip(**relayed)->ring);
  EXPECT_EQ(node.mesh.unicasts.size(), 1u);
  const auto passed_on = node.mesh.handler_->on_gossip(observer);
  ASSERT_TRUE(passed_on);
  EXPECT_FALSE(passed_on->has_value());
  EXPECT_FALSE(node.mesh.handler_->on_gossip(Bytes{std::byte{1}}));
  EXPECT_FALSE(node.mesh.handler_->on_broadcast(PeerName{2}, Bytes{std::byte{1}}));
}

TEST(IpamPlugin, LeavesTheChannelAndItsRequestsWhenItStops) {
  SimWorld world;
  Fixture node(world);
  Ipam& ipam = node.start({{"init", "consensus=5"}});
  std::optional<Result<std::vector<AllocatedAddress>>> answer;
  ipam.allocate("c1", {}, {node.host.loop(), [&](auto got) { answer = got; }});
  world.run_for(1s);
  EXPECT_FALSE(answer);

  node.host.stop();

  EXPECT_EQ(node.mesh.handler_, nullptr);
}

TEST(IpamPlugin, AnswersCommands) {
  SimWorld world;
  Fixture node(world);
  node.start({{"default-subnet", "10.32.1.0/24"}});
  FakeHost& host = node.host;

  EXPECT_EQ(host.call("ipam.allocate", R"({"owner":"c1"})"), R"({"addresses":["10.32.1.1/24"]})");
  EXPECT_EQ(host.call("ipam.allocate", R"({"owner":"c2","subnet":"10.40.0.0/16"})"),
            R"({"addresses":["10.40.0.1/16"]})");
  EXPECT_EQ(host.call("ipam.claim", R"({"owner":"c2","address":"10.32.0.7/12"})"), "{}");
  EXPECT_EQ(host.call("ipam.lookup", R"({"owner":"c2"})"),
            R"({"addresses":["10.40.0.1/16","10.32.0.7/12"]})");
  EXPECT_EQ(host.call("ipam.list"),
            R"({"owned":[{"containerid":"c1","addrs":["10.32.1.1/24"]},)"
            R"({"containerid":"c2","addrs":["10.40.0.1/16","10.32.0.7/12"]}]})");
  EXPECT_EQ(host.call("ipam.release", R"({"owner":"c2","address":"10.32.0.7"})"), "{}");
  EXPECT_EQ(host.call("ipam.release", R"({"owner":"c2"})"), R"({"addresses":["10.40.0.1/16"]})");
  EXPECT_EQ(host.call("ipam.prime"), "{}");
  EXPECT_EQ(host.call("ipam.take-over", R"({"peer":"node1"})").error().code, Errc::denied);
  EXPECT_EQ(host.call("ipam.take-over", R"({"peer":"nobody"})").error().code, Errc::not_found);

  EXPECT_EQ(host.call("ipam.allocate", "{}").error().context,
            "do without parameter 'owner' (string): Who holds the address: a container's ID, or "
            "another's name.");
  EXPECT_EQ(host.call("ipam.claim", R"({"owner":"c"})").error().context,
            "do without parameter 'address' (string): The address, with the prefix length of its "
            "network.");
  EXPECT_EQ(
      host.call("ipam.expose", R"({"address":"10.32.0.0/12"})").error().context,
      "expose 10.32.0.0/12: it is the first address of its network; name one between, or none "
      "for a free one");
  EXPECT_EQ(
      host.call("ipam.expose", R"({"address":"10.32.1.255"})").error().context,
      "expose 10.32.1.255/24: it is the broadcast address of its network; name one between, or "
      "none for a free one");
  EXPECT_EQ(host.call("ipam.lookup", "[]").error().code, Errc::invalid);
  EXPECT_EQ(host.call("ipam.claim", R"({"owner":"c","address":"x"})").error().code, Errc::invalid);
}

TEST(IpamPlugin, ReportsStatusLikeTheOriginal) {
  SimWorld world;
  Fixture node(world);
  node.start({{"range", "10.32.0.0/24"}, {"init", "seed=::1,::2"}});
  FakeHost& host = node.host;
  ASSERT_TRUE(host.call("ipam.allocate", R"({"owner":"c1"})"));

  EXPECT_EQ(host.call("ipam.status"),
            R"({"Paxos":null,"Range":"10.32.0.0/24","RangeNumIPs":256,"ActiveIPs":1,)"
            R"("DefaultSubnet":"10.32.0.0/24","Entries":[)"
            R"({"Token":"10.32.0.0","Size":128,"Peer":"00:00:00:00:00:01","Nickname":"node1",)"
            R"("IsKnownPeer":true,"Version":1},)"
            R"({"Token":"10.32.0.128","Size":128,"Peer":"00:00:00:00:00:02","Nickname":"",)"
            R"("IsKnownPeer":false,"Version":0}],"PendingClaims":null,"PendingAllocates":null})");
}

TEST(IpamPlugin, ReportsWhatItWaitsFor) {
  SimWorld world;
  Fixture node(world);
  Ipam& ipam = node.start({{"init", "consensus=3"}});
  ipam.allocate("c1", {}, {node.host.loop(), [](const auto&) {}});
  ipam.claim("c2", cidr("10.32.0.7/12"), Reply<>(node.host.loop(), [](const auto&) {}));
  world.run_for(1s);

  EXPECT_EQ(node.host.call("ipam.status"),
            R"({"Paxos":{"Elector":true,"KnownNodes":1,"Quorum":2},"Range":"10.32.0.0/12",)"
            R"("RangeNumIPs":1048576,"ActiveIPs":0,"DefaultSubnet":"10.32.0.0/12","Entries":null,)"
            R"("PendingClaims":[{"Ident":"c2","CIDR":{"Addr":"10.32.0.7","PrefixLen":12}}],)"
            R"("PendingAllocates":["c1 10.32.0.0/12"]})");
}

TEST(IpamPlugin, NamesTheFieldAndTheFixOfAWrongConfiguration) {
  EXPECT_EQ(start_error({{"range", "10.32.0.5/12"}}),
            "use range = \"10.32.0.5/12\": bits after the network prefix are not all zero, write "
            "\"10.32.0.0/12\"");
  EXPECT_EQ(start_error({{"range", "10.32.0.0/31"}}),
            "use range = \"10.32.0.0/31\": it has fewer than four addresses, name a prefix length "
            "of at most 30");
  EXPECT_EQ(start_error({{"range", "fd00::/64"}}),
            "use range = \"fd00::/64\": name an IPv4 subnet");
  EXPECT_EQ(start_error({{"range", "240.0.0.0/4"}}),
            "use range = \"240.0.0.0/4\": it must end below 255.255.255.255");
  EXPECT_EQ(
      start_error({{"range", "127.0.0.0/8"}}),
      "use range = \"127.0.0.0/8\": addresses in 127.0.0.0/8 are each host's own; name a network "
      "of hosts, like \"10.32.0.0/12\"");
  for (const char* const range : {"0.0.0.0/1", "0.1.0.0/16", "127.5.0.0/16", "169.254.0.0/20",
                                  "224.0.0.0/4", "239.1.0.0/16", "224.0.0.0/3"}) {
    EXPECT_NE(start_error({{"range", range}}), "") << range;
  }
  for (const char* const range : {"1.0.0.0/8", "126.0.0.0/8", "100.64.0.0/10", "223.255.0.0/16"}) {
    EXPECT_EQ(start_error({{"range", range}}), "") << range;
  }
  EXPECT_EQ(start_error({{"default-subnet", "10.64.0.0/24"}}),
            "use default-subnet = \"10.64.0.0/24\": it does not overlap range = \"10.32.0.0/12\"");
  EXPECT_EQ(start_error({{"default-subnet", "x"}}),
            "use default-subnet = \"x\": write it like \"10.32.1.0/24\"");
  for (const char* init :
       {"", "consensus=", "consensus=0", "consensus=x", "seed=", "seed=::1,z", "voter"}) {
    EXPECT_TRUE(start_error({{"init", init}}).starts_with("read init")) << init;
  }
  EXPECT_EQ(start_error({{"init", "seed=::1,::2,::1"}}),
            "read init: \"seed=\" names 00:00:00:00:00:01 twice; name each peer once");
}

}  // namespace
}  // namespace weft::ipam
