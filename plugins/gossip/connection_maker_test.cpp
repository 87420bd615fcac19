/// Whom to dial and when.

#include "gossip/connection_maker.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace weft::gossip {
namespace {

using namespace std::chrono_literals;

constexpr PeerName us{0x10};
constexpr PeerName them{0x20};
constexpr PeerName third{0x30};

net::Endpoint at(const char* text) {
  return *net::parse_endpoint(text);
}

class ConnectionMakerTest : public ::testing::Test {
 protected:
  void add(const char* text) { maker.add_direct({*parse_direct_peer(text)}, false, now); }

  std::vector<net::Endpoint> dials() {
    std::vector<net::Endpoint> addresses;
    plan = maker.plan(peers, now);
    for (const auto& dial : plan.dial) {
      addresses.push_back(dial.address);
    }
    return addresses;
  }

  void fail(const char* address, double jitter = 0.5) {
    maker.ended({0, at(address), true, ConnectionMaker::Ending::failure,
                 Error{make_error_code(Errc::timeout), "connect"}},
                now, jitter);
  }

  void end(ConnectionMaker::ConnectionId id, const char* address, bool outbound,
           ConnectionMaker::Ending ending = ConnectionMaker::Ending::failure) {
    maker.ended({id, at(address), outbound, ending,
                 Error{make_error_code(Errc::closed), "keep the connection"}},
                now, 0.5);
  }

  TimePoint now{1000s};
  Peers peers{{us, "us", 1, 1}, [](std::uint64_t) { return std::uint64_t{0}; }};
  ConnectionMaker maker{{6783, true}};
  ConnectionMaker::Plan plan;
};

TEST_F(ConnectionMakerTest, DialsADirectPeerOnOurPortAtOnce) {
  add("10.0.0.2");

  EXPECT_EQ(dials(), std::vector{at("10.0.0.2:6783")});
  EXPECT_TRUE(plan.dial[0].is_direct);
  EXPECT_TRUE(dials().empty());  // being attempted
}

TEST_F(ConnectionMakerTest, WaitsLongerAfterEachFailureButNotForever) {
  add("10.0.0.2:99");
  ASSERT_EQ(dials().size(), 1U);

  fail("10.0.0.2:99", 0.0);
  EXPECT_TRUE(dials().empty());
  EXPECT_EQ(plan.again, now + 1s);  // half of 2 s
  now += 1s;
  ASSERT_EQ(dials().size(), 1U);
  fail("10.0.0.2:99", 0.0);
  EXPECT_TRUE(dials().empty());
  EXPECT_EQ(plan.again, now + 1500ms);  // half of 3 s
  for (int i = 0; i < 40; ++i) {
    fail("10.0.0.2:99", 0.0);
  }
  EXPECT_TRUE(dials().empty());
  EXPECT_EQ(plan.again, now + 3min);
}

TEST_F(ConnectionMakerTest, TriesAtOnceAfterAConnectionThatLasted) {
  add("10.0.0.2:6783");
  ASSERT_EQ(dials().size(), 1U);
  maker.created(1, {them, at("10.0.0.2:6783"), true});
  now += 61s;

  end(1, "10.0.0.2:6783", true);

  EXPECT_EQ(dials().size(), 1U);
}

TEST_F(ConnectionMakerTest, APeerWithoutPortIsNotDialledWhileItIsConnectedToUs) {
  maker.created(1, {them, at("10.0.0.2:40000"), false});
  add("10.0.0.2");
  EXPECT_TRUE(dials().empty());

  end(1, "10.0.0.2:40000", false);

  EXPECT_EQ(dials(), std::vector{at("10.0.0.2:6783")});
}

TEST_F(ConnectionMakerTest, APeerWithPortIsNotDialledAgainWhileItsNameIsConnected) {
  add("10.0.0.2:6783");
  ASSERT_EQ(dials().size(), 1U);
  maker.identified(at("10.0.0.2:6783"), them);
  maker.created(7, {them, at("10.0.0.2:40000"), false});  // its own dial won
  end(2, "10.0.0.2:6783", true);                          // ours was the duplicate
  now += 1h;

  EXPECT_TRUE(dials().empty());
  EXPECT_EQ(maker.targets().at(at("10.0.0.2:6783")).state, ConnectionMaker::State::suspended);
  end(7, "10.0.0.2:40000", false);
  EXPECT_EQ(dials().size(), 1U);
}

TEST_F(ConnectionMakerTest, NeverTriesItselfAgainUntilToldTo) {
  add("10.0.0.1:6783");
  ASSERT_EQ(dials().size(), 1U);
  end(1, "10.0.0.1:6783", true, ConnectionMaker::Ending::ourselves);
  now += 24h;
  EXPECT_TRUE(dials().empty());
  EXPECT_EQ(maker.active_direct_peers(), 0U);

  add("10.0.0.1:6783");

  EXPECT_EQ(dials().size(), 1U);
}

TEST_F(ConnectionMakerTest, DiscoversPeersThroughOthers) {
  Topology::Peer peer;
  peer.name = them;
  peer.uid = peer.version = 1;
  peer.connections = {{third, "10.0.0.3:51234", false, true},
                      {PeerName{0x40}, "10.0.0.4:7777", true, true},
                      {us, "10.0.0.1:6783", true, true}};
  (void)peers.apply({peer});
  maker.created(1, {them, at("10.0.0.2:6783"), true});

  EXPECT_EQ(dials(), (std::vector{at("10.0.0.3:6783"), at("10.0.0.4:7777")}));
  EXPECT_FALSE(plan.dial[0].is_direct);
}

TEST_F(ConnectionMakerTest, ForgetsADiscoveredAddressNobodyMentionsAnyMore) {
  Topology::Peer peer;
  peer.name = them;
  peer.uid = peer.version = 1;
  peer.connections = {{third, "10.0.0.3:6783", true, true}};
  (void)peers.apply({peer});
  ASSERT_EQ(dials().size(), 1U);
  fail("10.0.0.3:6783");
  peer.version = 2;
  peer.connections.clear();
  (void)peers.apply({peer});

  EXPECT_TRUE(dials().empty());
  EXPECT_TRUE(maker.targets().empty());
}

TEST_F(ConnectionMakerTest, ForeignAddressesThatAreNoneAreIgnored) {
  Topology::Peer peer;
  peer.name = them;
  peer.uid = peer.version = 1;
  peer.connections = {{third, "not an address", true, true},
                      {PeerName{0x40}, "10.0.0.4:0", true, true}};
  (void)peers.apply({peer});

  EXPECT_TRUE(dials().empty());
}

TEST_F(ConnectionMakerTest, WithoutDiscoveryOnlyDirectPeersAreDialled) {
  maker = ConnectionMaker({6783, false});
  Topology::Peer peer;
  peer.name = them;
  peer.uid = peer.version = 1;
  peer.connections = {{third, "10.0.0.3:6783", true, true}};
  (void)peers.apply({peer});

  EXPECT_TRUE(dials().empty());
}

TEST_F(ConnectionMakerTest, ForgetNeedsTheExactText) {
  add("10.0.0.2:6783");
  EXPECT_EQ(maker.forget_direct({"10.0.0.2"}), std::vector<std::string>{"10.0.0.2"});
  EXPECT_EQ(maker.direct_peers().size(), 1U);

  EXPECT_TRUE(maker.forget_direct({"10.0.0.2:6783"}).empty());

  EXPECT_TRUE(dials().empty());
}

TEST_F(ConnectionMakerTest, ReplaceForgetsTheEarlierOnes) {
  add("10.0.0.2");
  maker.add_direct({*parse_direct_peer("10.0.0.3")}, true, now);

  EXPECT_EQ(dials(), std::vector{at("10.0.0.3:6783")});
}

class NamedPeersTest : public ConnectionMakerTest {
 protected:
  void add_name(const char* text, std::vector<const char*> addresses) {
    auto peer = *parse_direct_peer(text);
    for (const char* const address : addresses) {
      peer.addresses.push_back(*net::parse_ip(address));
    }
    maker.add_direct({std::move(peer)}, false, now);
  }
  void meet(const char* address, PeerName who) { maker.identified(at(address), who); }
};

TEST_F(NamedPeersTest, EveryAddressIsDialled) {
  add_name("all:99", {"10.0.0.2", "10.0.0.3", "fd00::2"});

  EXPECT_EQ(dials(), (std::vector{at("10.0.0.2:99"), at("10.0.0.3:99"), at("[fd00::2]:99")}));
}

TEST_F(NamedPeersTest, AnAddressThatANameLostIsForgotten) {
  add_name("all", {"10.0.0.2"});
  ASSERT_EQ(dials().size(), 1U);
  fail("10.0.0.2:6783");

  maker.set_addresses("all", {*net::parse_ip("10.0.0.3")});

  EXPECT_EQ(dials(), std::vector{at("10.0.0.3:6783")});
  EXPECT_FALSE(maker.targets().contains(at("10.0.0.2:6783")));
}

TEST_F(NamedPeersTest, TheOtherFamilyIsLeftAloneWhileOneHasAConnection) {
  add_name("node", {"10.0.0.2", "10.0.0.3", "fd00::2"});
  ASSERT_EQ(dials().size(), 3U);
  meet("10.0.0.2:6783", them);
  maker.created(1, {them, at("10.0.0.2:6783"), true});
  fail("10.0.0.3:6783");
  fail("[fd00::2]:6783");
  now += 1h;

  EXPECT_EQ(dials(), std::vector{at("10.0.0.3:6783")}) << "it may be another peer's";

  end(1, "10.0.0.2:6783", true);
  EXPECT_EQ(dials(), (std::vector{at("10.0.0.2:6783"), at("[fd00::2]:6783")}));
}

TEST_F(NamedPeersTest, CountsAsManyPeersAsItsAddressesMayBe) {
  add_name("unknown", {});
  EXPECT_EQ(maker.active_direct_peers(), 1U);
  add_name("dual", {"10.0.0.2", "fd00::2"});
  EXPECT_EQ(maker.active_direct_peers(), 2U) << "a peer has addresses of both families";
  add_name("all", {"10.0.0.3", "10.0.0.4", "10.0.0.5"});
  EXPECT_EQ(maker.active_direct_peers(), 5U);
  (void)dials();

  meet("10.0.0.2:6783", them);
  meet("10.0.0.3:6783", third);
  meet("10.0.0.4:6783", third);  // it has two
  end(1, "10.0.0.5:6783", true, ConnectionMaker::Ending::ourselves);
  end(2, "[fd00::2]:6783", true);

  EXPECT_EQ(maker.active_direct_peers(), 3U) << "unknown, them, third";
}

TEST_F(NamedPeersTest, OurOwnNameCountsForNobody) {
  add_name("self", {"10.0.0.1", "fd00::1"});
  (void)dials();
  end(1, "10.0.0.1:6783", true, ConnectionMaker::Ending::ourselves);
  fail("[fd00::1]:6783");

  EXPECT_EQ(maker.active_direct_peers(), 0U);
}

/// Peers that only this test knows, named by `claimant`.
Topology::Peer lists(PeerName claimant, std::uint64_t first, std::size_t count, unsigned subnet) {
  Topology::Peer peer;
  peer.name = claimant;
  peer.uid = peer.version = 1;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string address = "10." + std::to_string(subnet) + "." + std::to_string(i / 200) +
                                "." + std::to_string(1 + i % 200) + ":6783";
    peer.connections.push_back({PeerName{first + i}, address, true, true});
  }
  return peer;
}

std::size_t in_subnet(const std::vector<net::Endpoint>& addresses, const std::string& prefix) {
  return static_cast<std::size_t>(std::count_if(
      addresses.begin(), addresses.end(),
      [&](const net::Endpoint& address) { return to_string(address).starts_with(prefix); }));
}

TEST_F(ConnectionMakerTest, DialsFewDiscoveredAddressesAtOnce) {
  (void)peers.apply({lists(them, 0x1000, 900, 9)});
  maker.created(1, {them, at("10.0.0.2:6783"), true});

  EXPECT_EQ(dials().size(), ConnectionMaker::max_attempts_each);
  EXPECT_TRUE(dials().empty());
  EXPECT_LE(maker.targets().size(), ConnectionMaker::max_targets_each);

  fail(to_string(maker.targets().begin()->first).c_str());
  EXPECT_EQ(dials().size(), 1U);  // in its place
}

TEST_F(ConnectionMakerTest, InventedAddressesTakeNoTurnsFromThoseOfOtherNeighbours) {
  (void)peers.apply({lists(them, 0x1000, 900, 1), lists(third, 0x2000, 3, 9)});
  maker.created(1, {them, at("10.0.0.2:6783"), true});
  maker.created(2, {third, at("10.0.0.3:6783"), true});

  EXPECT_EQ(in_subnet(dials(), "10.9."), 3U);
}

TEST_F(ConnectionMakerTest, WhatPeersOutOfSightClaimSharesOneNeighboursTurns) {
  std::vector<Topology::Peer> crowd;
  for (std::uint64_t i = 0; i < 20; ++i) {
    crowd.push_back(lists(PeerName{0x5000 + i}, 0x10000 + 100 * i, 20, 100 + unsigned(i)));
  }
  (void)peers.apply(crowd);
  (void)peers.apply({lists(third, 0x2000, 5, 9)});
  maker.created(2, {third, at("10.0.0.3:6783"), true});

  const auto dialled = dials();

  EXPECT_EQ(in_subnet(dialled, "10.9."), 5U);
  EXPECT_EQ(dialled.size(), 5U + ConnectionMaker::max_attempts_each);
}

TEST_F(ConnectionMakerTest, DirectPeersDoNotWaitForDiscoveredOnes) {
  (void)peers.apply({lists(them, 0x1000, 900, 9)});
  maker.created(1, {them, at("10.0.0.2:6783"), true});
  ASSERT_FALSE(dials().empty());
  add("10.0.0.77");

  EXPECT_EQ(dials(), std::vector{at("10.0.0.77:6783")});
}

TEST_F(ConnectionMakerTest, AnAddressThatAnsweredBeforeGoesFirst) {
  (void)peers.apply({lists(them, 0x1000, 100, 9)});
  maker.created(1, {them, at("10.0.0.2:6783"), true});
  const auto first = dials();
  maker.identified(first.back(), PeerName{0x1000 + 15});
  for (const net::Endpoint& address : first) {
    fail(to_string(address).c_str());
  }
  now += 1h;

  EXPECT_EQ(dials().front(), first.back());
}

TEST_F(ConnectionMakerTest, LooksThroughALargeTableInSlices) {
  for (std::uint64_t i = 0; i < 10; ++i) {
    (void)peers.apply({lists(PeerName{0x100 + i}, 0x200, 700, 50)});
  }
  (void)peers.apply({lists(PeerName{0xF00}, 0x5000, 1, 9)});  // the last to be looked at
  maker.created(1, {PeerName{0xF00}, at("10.0.0.2:6783"), true});

  std::vector<net::Endpoint> dialled = dials();
  EXPECT_EQ(plan.again, now + ConnectionMaker::scan_pause);
  for (int i = 0; i < 4 && maker.targets().count(at("10.9.0.1:6783")) == 0; ++i) {
    for (const net::Endpoint& address : dialled) {
      fail(to_string(address).c_str());
    }
    now += ConnectionMaker::scan_pause;
    dialled = dials();
  }
  EXPECT_EQ(maker.targets().count(at("10.9.0.1:6783")), 1U);
}

TEST(ParseDirectPeer, TakesHostsAddressesAndPorts) {
  EXPECT_EQ(parse_direct_peer("node2")->port, 0);
  EXPECT_TRUE(parse_direct_peer("node2")->is_name);
  EXPECT_TRUE(parse_direct_peer("node2")->addresses.empty());
  EXPECT_EQ(parse_direct_peer("node2:99")->host, "node2");
  EXPECT_EQ(parse_direct_peer("node2:99")->port, 99);
  EXPECT_EQ(to_string(parse_direct_peer("fd00::1")->addresses.at(0)), "fd00::1");
  EXPECT_EQ(parse_direct_peer("[fd00::1]:77")->port, 77);
  EXPECT_EQ(to_string(parse_direct_peer("[fd00::1]")->addresses.at(0)), "fd00::1");
  for (const char* const bad : {"",
                                ":99",
                                "node2:",
                                "node2:x",
                                "node2:65536",
                                "node2:0",
                                "[fd00::1",
                                "[fd00::1]99",
                                "a b",
                                "a:b:c",
                                "0.0.0.0",
                                "[::]:6783",
                                "224.0.0.1",
                                "255.255.255.255",
                                "ff02::1",
                                "a..b",
                                ".a",
                                "-a",
                                "a-",
                                "10.1.1",
                                "10.1.1.256",
                                "7",
                                "näher"}) {
    EXPECT_FALSE(parse_direct_peer(bad)) << bad;
  }
  EXPECT_EQ(parse_direct_peer("0.0.0.0").error().context,
            "use peer '0.0.0.0': it is no host's address");
  EXPECT_EQ(
      parse_direct_peer("10.1.1").error().context,
      "use peer '10.1.1': an IPv4 address has four numbers of at most 255, and no name ends in "
      "a number");
  for (const char* const good : {"a_b.example.", "node-2", "4u.example", "10.1.1.a", "127.0.0.1"}) {
    EXPECT_TRUE(parse_direct_peer(good)) << good;
  }
}

TEST_F(ConnectionMakerTest, ForgetsEveryBackOffWhenToldTo) {
  add("10.0.0.2");
  ASSERT_EQ(dials().size(), 1U);
  fail("10.0.0.2:6783");
  ASSERT_TRUE(dials().empty());

  maker.retry_all(now);

  EXPECT_EQ(dials(), std::vector{at("10.0.0.2:6783")});
}

}  // namespace
}  // namespace weft::gossip
