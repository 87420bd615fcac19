/// Messages that say of ranges what their owners did not do: nobody loses an address, no address is
/// given twice, nobody is cut for passing them on, and afterwards all hold one ring.

#include <gtest/gtest.h>

#include "ipam/ceilings.hpp"
#include "ipam/test_world.hpp"

namespace weft::ipam::test {
namespace {

constexpr Address base = 0x0A200000;
constexpr PeerName liar{99};
const AddressRange universe{base, base + 256};

/// Three peers, with 128, 64 and 64 addresses, of which some are in use.
struct Cluster {
  Cluster() {
    for (const std::uint64_t name : {1U, 2U, 3U}) {
      world.add(name, "seed=::1,::2,::3");
    }
    for (const std::uint64_t name : {1U, 2U, 3U}) {
      EXPECT_TRUE(node(name).allocate("c" + std::to_string(name)));
    }
    EXPECT_TRUE(node(2).claim("c22", "10.32.0.129/24"));
    world.run_for(30s);
  }

  [[nodiscard]] Node& node(std::uint64_t name) { return *world.nodes[PeerName{name}]; }

  /// The ring as `who` has it, with one entry changed or added.
  [[nodiscard]] GossipState forged(std::uint64_t who, RingEntry lie) {
    GossipState state;
    state.ring = node(who).allocator().ring().state();
    auto& entries = state.ring->entries;
    const auto at = std::ranges::lower_bound(entries, lie.token, {}, &RingEntry::token);
    if (at != entries.end() && at->token == lie.token) {
      *at = lie;
    } else {
      entries.insert(at, lie);
    }
    return state;
  }
  [[nodiscard]] Bytes unicast(std::uint64_t who, const RingEntry& lie) {
    return encode_ring_update(encode_gossip(forged(who, lie), liar));
  }
  Result<> gossip(std::uint64_t to, const RingEntry& lie) {
    return node(to).allocator().on_gossip(encode_gossip(forged(to, lie), liar));
  }

  void expect_one_ring() {
    const RingState& first = node(1).allocator().ring().state();
    for (const auto& [name, node] : world.nodes) {
      EXPECT_EQ(node->allocator().ring().state(), first) << to_string(name);
      EXPECT_TRUE(node->errors.empty()) << node->errors.front();
    }
    world.expect_disjoint();
  }

  World world;
};

/// Where peer 2 has its address in use, and a version that wins.
RingEntry lie_about_two(PeerName owner, std::uint32_t version = 50) {
  return {base + 128, owner, version, 0};
}

TEST(Conflict, TheOwnerTakesBackARangeInUseWithinSecondsAndNobodyIsCut) {
  Cluster cluster;
  EXPECT_TRUE(cluster.gossip(1, lie_about_two(liar)));  // reaches peer 2 only through peer 1
  cluster.world.sim.run_for(3s);                        // no periodic gossip meanwhile

  EXPECT_EQ(cluster.node(2).allocator().ring().owner(base + 129), PeerName{2});
  EXPECT_EQ(cluster.node(2).outbid, 1u);
  cluster.expect_one_ring();
}

TEST(Conflict, TheOwnerTakesBackAPieceInTheMiddle) {
  Cluster cluster;
  EXPECT_TRUE(cluster.gossip(2, {base + 129, liar, 7, 1}));
  EXPECT_TRUE(cluster.gossip(3, {base + 134, liar, 7, 1}));  // free
  cluster.world.sim.run_for(3s);

  for (const Address address : {base + 128, base + 129, base + 130, base + 135}) {
    EXPECT_EQ(cluster.node(1).allocator().ring().owner(address), PeerName{2});
  }
  cluster.expect_one_ring();
}

TEST(Conflict, TheHighestVersionThatIsBelievedCanBeOutbidAndHigherOnesAreNot) {
  Cluster cluster;
  const std::uint32_t ceiling = version_ceiling(cluster.node(1).wall_now());

  EXPECT_TRUE(cluster.gossip(1, lie_about_two(liar, 0xFFFF0000U)));
  EXPECT_EQ(cluster.node(1).allocator().ring().owner(base + 129), PeerName{2});
  EXPECT_EQ(cluster.node(1).refused["version"], 1u);

  EXPECT_TRUE(cluster.gossip(1, lie_about_two(liar, ceiling)));
  EXPECT_EQ(cluster.node(1).allocator().ring().owner(base + 129), liar);
  EXPECT_LT(ceiling, highest_version);
  cluster.world.sim.run_for(3s);  // what the owner says is above the ceiling at first
  cluster.expect_one_ring();
}

TEST(Conflict, ALieAboutTheFreeCountEndsWhenItsOwnerNextSpeaks) {
  Cluster cluster;
  RingEntry entry = cluster.node(2).allocator().ring().state().entries[1];
  ASSERT_EQ(entry.peer, PeerName{2});
  entry.version += 50;
  entry.free = 0;
  EXPECT_TRUE(cluster.gossip(1, entry));
  EXPECT_TRUE(cluster.node(1).allocator().ring().candidates({base + 128, base + 192}).empty());
  cluster.world.run_for(3s);

  EXPECT_FALSE(cluster.node(1).allocator().ring().candidates({base + 128, base + 192}).empty());
  cluster.expect_one_ring();
}

/// More tokens than may come at a time, told to one peer that is not the owner.
TEST(Conflict, InventedTokensAreTheOwnersEverywhereSecondsAfterTheLie) {
  World world;
  for (const std::uint64_t name : {1U, 2U, 3U}) {
    world.add(name, "seed=::1,::2,::3", "10.32.0.0/16");
  }
  Allocator& one = world.nodes[PeerName{1}]->allocator();
  EXPECT_TRUE(world.nodes[PeerName{3}]->allocate("c3"));
  world.run_for(30s);
  const RingState honest = one.ring().state();
  ASSERT_EQ(honest.entries.back().peer, PeerName{3});
  GossipState lie;
  lie.ring = honest;
  for (Address i = 0; i < 2'000; ++i) {
    lie.ring->entries.push_back({honest.entries.back().token + 16 + 8 * i, liar, 5, 0});
  }
  for (int i = 0; i < 25; ++i) {
    EXPECT_TRUE(one.on_gossip(encode_gossip(lie, liar)));
    world.sim.run_for(200ms);
  }
  world.sim.run_for(5s);

  EXPECT_GT(one.ring().state().entries.size(), 1'100u);
  EXPECT_FALSE(one.ring().mentions(liar));
  for (const auto& [name, node] : world.nodes) {
    EXPECT_EQ(node->allocator().ring().state(), one.ring().state()) << to_string(name);
  }
}

TEST(Ceiling, RisesWithTheClockFasterThanOwnersCountAndNeverToTheEnd) {
  const auto at = [](std::int64_t seconds) {
    return version_ceiling(WallTime{std::chrono::seconds{seconds}});
  };
  EXPECT_EQ(at(0), version_base);
  EXPECT_EQ(at(ceiling_epoch + 1) - at(ceiling_epoch), versions_per_second);
  EXPECT_EQ(at(std::int64_t{1} << 33U), highest_version);
  EXPECT_EQ(raised(0xFFFFFFFFU), 0xFFFFFFFFU);
  EXPECT_EQ(raised(0xFFFFFFF0U, 100), 0xFFFFFFFFU);
  EXPECT_EQ(raised(1, 100), 101u);
}

TEST(Conflict, APeerThatIsGivenAnothersRangeUsesNothingOfItAndGivesItBack) {
  Cluster cluster;
  cluster.world.cut.insert({PeerName{2}, PeerName{3}});  // the owner does not hear of it at first
  cluster.world.cut.insert({PeerName{2}, PeerName{1}});
  const std::uint32_t free = cluster.node(3).allocator().status().free;

  EXPECT_TRUE(cluster.gossip(3, lie_about_two(PeerName{3})));
  cluster.world.sim.run_for(60s);
  EXPECT_EQ(cluster.node(3).allocator().ring().owner(base + 129), PeerName{3});
  EXPECT_EQ(cluster.node(3).allocator().status().free, free);
  EXPECT_EQ(cluster.node(3).allocator().fences().closed_addresses(), 64u);
  std::optional<Result<>> claimed;
  cluster.node(3).allocator().claim("c9", *net::parse_cidr("10.32.0.129/24"), ClaimMode::strict,
                                    [&](auto answer) { claimed = std::move(answer); });
  cluster.world.sim.run_for(10s);
  EXPECT_FALSE(claimed);

  cluster.world.cut.clear();
  cluster.world.sim.run_for(7s);
  EXPECT_FALSE(cluster.node(3).allocator().fences().has_closed());
  cluster.expect_one_ring();
}

TEST(Conflict, AFenceOutlivesARestart) {
  Cluster cluster;
  cluster.world.cut.insert({PeerName{2}, PeerName{3}});
  EXPECT_TRUE(cluster.gossip(3, lie_about_two(PeerName{3})));
  cluster.world.sim.run_for(2s);

  cluster.node(3).crash();
  cluster.node(3).start();

  EXPECT_EQ(cluster.node(3).allocator().fences().closed_addresses(), 64u);
}

TEST(Conflict, AUnicastInTheOwnersNameIsBelievedOnlyWhenTheOwnerHadTimeToObject) {
  Cluster cluster;
  cluster.node(3).distant.insert(PeerName{2});  // of a neighbour the mesh would not take it
  const Bytes lie = cluster.unicast(3, lie_about_two(PeerName{3}));

  EXPECT_TRUE(cluster.node(3).allocator().on_unicast(PeerName{2}, lie));  // its source is forged
  EXPECT_EQ(cluster.node(3).allocator().fences().closed_addresses(), 64u);
  cluster.world.sim.run_for(15s);

  EXPECT_EQ(cluster.node(1).allocator().ring().owner(base + 129), PeerName{2});
  cluster.expect_one_ring();
}

TEST(Conflict, AStreamOfUnicastsInTheOwnersNameOpensNoFence) {
  Cluster cluster;
  Node& three = cluster.node(3);
  three.distant.insert(PeerName{2});
  const std::uint32_t free = three.allocator().status().free;
  cluster.world.latency = 200ms;  // what the owner answers is out of date when it comes
  for (std::uint32_t i = 1; i <= 900; ++i) {
    EXPECT_TRUE(three.allocator().on_unicast(
        PeerName{2}, cluster.unicast(3, lie_about_two(PeerName{3}, 1'000 * i))));
    EXPECT_EQ(three.allocator().status().free, free);
    cluster.world.sim.run_for(100ms);
  }
  EXPECT_EQ(three.allocator().fences().closed_addresses(), 64u);
  cluster.world.sim.run_for(5s);

  EXPECT_EQ(cluster.node(1).allocator().ring().owner(base + 129), PeerName{2});
  cluster.expect_one_ring();
}

TEST(Conflict, AStreamInTheDonorsNameOpensNothingWhileItIsAsked) {
  Cluster cluster;
  Node& three = cluster.node(3);
  three.distant.insert(PeerName{2});
  cluster.world.latency = 200ms;
  std::optional<Result<AllocatedAddress>> got;
  for (std::uint32_t i = 1; i <= 80; ++i) {
    EXPECT_TRUE(three.allocator().on_unicast(
        PeerName{2}, cluster.unicast(3, lie_about_two(PeerName{3}, 1'000 * i))));
    if (i == 20) {
      three.allocator().allocate("asker", *net::parse_cidr("10.32.0.128/26"),
                                 [&](auto answer) { got = std::move(answer); });
    }
    cluster.world.sim.run_for(100ms);
  }
  cluster.world.sim.run_for(10s);

  ASSERT_TRUE(got && *got);
  EXPECT_EQ(cluster.node(2).allocator().ring().owner((*got)->address.address.v4_value()),
            PeerName{3});
  cluster.world.expect_disjoint();
  cluster.world.run_for(5s);  // with the free counts
  cluster.expect_one_ring();
}

TEST(Conflict, AGrantByAPeerThatTookTheRangeFromAnotherWaitsForThatOne) {
  Cluster cluster;
  Node& three = cluster.node(3);
  three.strangers.insert(liar);
  cluster.world.latency = 200ms;
  const std::uint32_t free = three.allocator().status().free;
  for (std::uint32_t i = 1; i <= 1'200; ++i) {  // for longer than losses are remembered
    EXPECT_TRUE(cluster.gossip(3, lie_about_two(i <= 900 ? liar : PeerName{3}, 1'000 * i)));
    if (i > 900) {
      EXPECT_TRUE(three.allocator().on_unicast(
          liar, cluster.unicast(3, lie_about_two(PeerName{3}, 1'000 * i))));
    }
    EXPECT_EQ(three.allocator().status().free, free);
    cluster.world.sim.run_for(100ms);
  }
  EXPECT_EQ(three.allocator().fences().closed_addresses(), 64u);
  three.strangers.clear();
  cluster.world.sim.run_for(5s);

  EXPECT_EQ(three.allocator().status().free, free);
  cluster.expect_one_ring();
}

TEST(Conflict, ARangeThatItsOwnerGaveUnaskedOpensAfterAWhile) {
  Cluster cluster;
  // Somebody asked the owner in this peer's name.
  ASSERT_TRUE(cluster.node(2).allocator().on_unicast(
      PeerName{3}, encode_range_message(MessageKind::space_request, {base + 160, base + 192})));
  cluster.world.sim.run_for(2s);
  EXPECT_TRUE(cluster.node(3).allocator().fences().has_closed());
  cluster.world.sim.run_for(16s);

  EXPECT_FALSE(cluster.node(3).allocator().fences().has_closed());
  cluster.expect_one_ring();
}

TEST(Conflict, ATakeOverFromALivingPeerIsWithdrawnBeforeAnythingIsGivenOut) {
  Cluster cluster;
  Node& one = cluster.node(1);
  one.unknown.insert(PeerName{2});  // the mesh lost it for a moment, but it runs
  cluster.world.cut.insert({PeerName{1}, PeerName{2}});
  const std::uint32_t free = one.allocator().status().free;
  std::optional<Result<std::uint64_t>> taken;

  one.allocator().take_over(PeerName{2}, [&](auto got) { taken = got; });
  cluster.world.sim.run_for(2s);
  ASSERT_EQ(*taken, 64u);
  EXPECT_EQ(one.allocator().status().free, free);
  one.unknown.clear();
  cluster.world.cut.clear();
  cluster.world.sim.run_for(20s);

  EXPECT_EQ(one.allocator().ring().owner(base + 129), PeerName{2});
  EXPECT_EQ(one.allocator().status().free, free);
  cluster.expect_one_ring();
}

TEST(Conflict, ATakeOverYieldsToAPeerThatReturnsWithAddressesInUse) {
  Cluster cluster;
  Node& one = cluster.node(1);
  cluster.node(2).crash();
  one.unknown.insert(PeerName{2});
  one.allocator().take_over(PeerName{2}, [](const auto&) {});
  cluster.world.run_for(30s);
  EXPECT_FALSE(one.allocator().fences().has_closed());
  EXPECT_EQ(one.allocator().ring().owner(base + 129), PeerName{1});

  cluster.node(2).start();
  one.unknown.clear();
  cluster.world.run_for(60s);

  EXPECT_EQ(one.allocator().ring().owner(base + 129), PeerName{2});
  cluster.expect_one_ring();
}

/// The operator gives up on a liar before its victim has spoken. The victim gets its range back,
/// and what it grants afterwards is in nobody's dispute.
TEST(Conflict, AGrantOfAnOwnerThatGotItsRangeBackFromUsOpensAtOnce) {
  Cluster cluster;
  Node& one = cluster.node(1);
  one.strangers.erase(liar);
  one.unknown.insert(liar);
  EXPECT_TRUE(cluster.gossip(1, lie_about_two(liar)));
  one.allocator().take_over(liar, [](const auto&) {});
  EXPECT_EQ(one.allocator().ring().owner(base + 129), PeerName{1});
  cluster.world.run_for(5s);
  EXPECT_EQ(one.allocator().ring().owner(base + 129), PeerName{2});

  const TimePoint asked = one.now();
  EXPECT_TRUE(one.allocate("late", "10.32.0.128/26"));
  EXPECT_LT(one.now() - asked, 1s);
  cluster.world.run_for(3s);
  cluster.expect_one_ring();
}

/// A liar takes what peer 3 has just given to peer 2, and peer 2 takes it back. Its former loss
/// does not stand against what it then grants.
TEST(Conflict, AGrantOfWhatItsOwnerWasGivenLatelyAndTookBackOpensSoon) {
  Cluster cluster;
  const auto given = [&] {
    const auto& entries = cluster.node(1).allocator().ring().state().entries;
    return *std::ranges::find_if(entries, [](const RingEntry& entry) {
      return entry.token > base + 192 && entry.peer == PeerName{2};
    });
  };
  EXPECT_TRUE(cluster.node(2).allocate("moved", "10.32.0.192/26"));  // of peer 3
  cluster.world.sim.run_for(100ms);
  const RingEntry before = given();
  cluster.node(1).unknown.insert(liar);
  EXPECT_TRUE(cluster.gossip(1, {before.token, liar, before.version + 50, 0}));
  cluster.world.run_for(5s);
  EXPECT_EQ(given().token, before.token);

  const TimePoint asked = cluster.node(1).now();
  EXPECT_TRUE(cluster.node(1).allocate("late", "10.32.0.240/28"));
  EXPECT_LT(cluster.node(1).now() - asked, 6s);
  cluster.world.run_for(3s);
  cluster.expect_one_ring();
}

/// Peer 1 takes over from peer 2, which runs on behind a partition, and gives out addresses.
struct TakenOver : Cluster {
  TakenOver() {
    part(true);
    node(1).allocator().take_over(PeerName{2}, [](const auto&) {});
    world.run_for(30s);
    EXPECT_EQ(node(1).allocator().ring().owner(base + 129), PeerName{1});
    EXPECT_TRUE(node(1).claim("new", "10.32.0.140/24"));
  }
  void part(bool is_apart) {
    for (const std::uint64_t name : {1U, 3U}) {
      if (is_apart) {
        node(name).unknown.insert(PeerName{2});
        node(2).unknown.insert(PeerName{name});
        world.cut.insert({PeerName{name}, PeerName{2}});
      } else {
        node(name).unknown.clear();
      }
    }
    if (!is_apart) {
      node(2).unknown.clear();
      world.cut.clear();
      world.gossip();
    }
  }
  void expect_peace() {
    expect_one_ring();
    const RingState agreed = node(1).allocator().ring().state();
    world.run_for(120s);
    EXPECT_EQ(node(1).allocator().ring().state(), agreed);
    expect_one_ring();
  }
};

TEST(Conflict, APeerThatWasOnlyCutOffGetsBackWhatTheTakerDidNotGiveOut) {
  TakenOver cluster;
  cluster.part(false);
  cluster.world.sim.run_for(20s);

  const Ring& ring = cluster.node(3).allocator().ring();
  EXPECT_EQ(ring.owner(base + 140), PeerName{1});
  for (const Address address : {base + 128, base + 129, base + 139, base + 141, base + 191}) {
    EXPECT_EQ(ring.owner(address), PeerName{2}) << address_text(address);
  }
  cluster.expect_peace();
  EXPECT_TRUE(cluster.node(1).allocator().warnings().empty());
  EXPECT_TRUE(cluster.node(2).allocator().warnings().empty());
  EXPECT_EQ(cluster.node(1).release("new").size(), 1u);
  cluster.world.run_for(30s);
  cluster.expect_peace();
}

TEST(Conflict, ManyAddressesInUseAreAskedForUntilTheyAreGranted) {
  TakenOver cluster;
  for (int i = 131; i < 191; ++i) {
    const std::string address = "10.32.0." + std::to_string(i);
    if (i != 140) {
      EXPECT_TRUE(cluster.node(1).claim(address, address + "/24"));
    }
  }
  cluster.node(1).sent.clear();
  cluster.part(false);
  cluster.world.sim.run_for(30s);

  const Ring& ring = cluster.node(3).allocator().ring();
  EXPECT_EQ(ring.owner(base + 130), PeerName{2});
  EXPECT_EQ(ring.owner(base + 131), PeerName{1});
  EXPECT_EQ(ring.owner(base + 190), PeerName{1});
  EXPECT_EQ(ring.owner(base + 191), PeerName{2});
  const auto requests = std::ranges::count_if(
      cluster.node(1).sent, [](const auto& each) { return each.second.front() == std::byte{0}; });
  EXPECT_GE(requests, 60);
  EXPECT_LE(requests, 120);
  cluster.world.run_for(60s);  // with the free counts
  cluster.expect_peace();
}

TEST(Conflict, AnAddressInUseOnBothSidesStaysItsFormerOwnersAndIsNamed) {
  TakenOver cluster;
  EXPECT_TRUE(cluster.node(1).claim("twin", "10.32.0.129/24"));
  cluster.part(false);
  cluster.world.sim.run_for(20s);

  EXPECT_EQ(cluster.node(3).allocator().ring().owner(base + 129), PeerName{2});
  EXPECT_EQ(cluster.node(3).allocator().ring().owner(base + 140), PeerName{1});
  cluster.expect_peace();
  const auto warnings = cluster.node(1).allocator().warnings();
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("10.32.0.129 of twin belongs to"), std::string::npos) << warnings[0];

  cluster.node(1).release("twin");
  EXPECT_TRUE(cluster.node(1).allocator().warnings().empty());
  cluster.world.run_for(30s);
  EXPECT_EQ(cluster.node(1).allocator().ring().owner(base + 129), PeerName{2});
  cluster.expect_peace();
}

TEST(Conflict, NothingOfATakeOverIsGivenOutWhileItsFormerOwnerDisagrees) {
  TakenOver cluster;
  const std::uint32_t free = cluster.node(1).allocator().status().free;
  GossipState word;  // of the peer that came back, which nobody can hear otherwise
  word.ring = cluster.node(2).allocator().ring().state();
  cluster.node(1).unknown.clear();
  EXPECT_TRUE(cluster.node(1).allocator().on_gossip(encode_gossip(word, PeerName{2})));

  EXPECT_LE(cluster.node(1).allocator().status().free, free - 63);
  cluster.node(1).release("new");
  cluster.world.sim.run_for(60s);
  EXPECT_LE(cluster.node(1).allocator().status().free, free - 63);
}

/// Peer 2 agreed to the take-over; somebody says in its name that it did not.
TEST(Conflict, ALieInTheNameOfAFormerOwnerTakesNoAddressInUse) {
  TakenOver cluster;
  cluster.node(2).release("c2");
  cluster.node(2).release("c22");
  cluster.node(2).crash();
  cluster.node(2).start();
  cluster.part(false);
  cluster.world.run_for(60s);
  ASSERT_EQ(cluster.node(2).allocator().ring().owner(base + 140), PeerName{1});

  for (std::uint32_t i = 1; i <= 100; ++i) {
    EXPECT_TRUE(cluster.gossip(1, {base + 140, PeerName{2}, 1'000 * i, 0}));
    EXPECT_TRUE(cluster.gossip(1, lie_about_two(PeerName{2}, 1'000 * i)));
    cluster.world.sim.run_for(100ms);
    EXPECT_EQ(cluster.node(1).allocator().ring().owner(base + 140), PeerName{1});
  }
  cluster.world.sim.run_for(30s);
  EXPECT_EQ(cluster.node(2).allocator().ring().owner(base + 140), PeerName{1});
  EXPECT_TRUE(cluster.node(1).allocator().warnings().empty());
  cluster.expect_one_ring();
}

TEST(Conflict, TheOperatorCanGiveUpOnAFormerOwnerThatIsGone) {
  Cluster cluster;
  Node& three = cluster.node(3);
  cluster.node(2).crash();
  three.unknown.insert(PeerName{2});
  EXPECT_TRUE(cluster.gossip(3, lie_about_two(PeerName{3})));
  cluster.world.sim.run_for(60s);
  EXPECT_TRUE(three.allocator().fences().has_closed());

  std::optional<Result<std::uint64_t>> taken;
  three.allocator().take_over(PeerName{2}, [&](auto got) { taken = got; });
  cluster.world.sim.run_for(20s);

  EXPECT_EQ(*taken, 64u);
  EXPECT_FALSE(three.allocator().fences().has_closed());
}

TEST(Conflict, OneBadEntryDoesNotKeepTheGoodOnesOut) {
  Cluster cluster;
  GossipState state = cluster.forged(1, {base + 200, PeerName{3}, 1, 9});
  state.ring->entries.insert(state.ring->entries.begin(), {1, liar, 1, 1});  // out of the range
  EXPECT_TRUE(cluster.node(1).allocator().on_gossip(encode_gossip(state, liar)));

  EXPECT_EQ(cluster.node(1).refused["out-of-range"], 1u);
  EXPECT_EQ(cluster.node(1).allocator().ring().state().entries.size(), 4u);
}

TEST(Conflict, OnlyWhoSaysOfItselfThatItHasAnotherRingIsCut) {
  Cluster cluster;
  GossipState state = cluster.forged(1, lie_about_two(liar));
  state.ring->seeds = {liar};
  const Bytes octets = encode_gossip(state, liar);
  Allocator& allocator = cluster.node(1).allocator();

  EXPECT_TRUE(allocator.on_broadcast(PeerName{3}, octets));  // relays pass it on
  EXPECT_TRUE(allocator.on_unicast(PeerName{3}, encode_ring_update(octets)));
  EXPECT_FALSE(allocator.on_gossip(octets));
  EXPECT_EQ(cluster.node(1).refused["other-ring"], 3u);
}

TEST(Conflict, ALastingQuarrelCostsOneBroadcastASecond) {
  Cluster cluster;
  Node& two = cluster.node(2);
  two.broadcasts = 0;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    EXPECT_TRUE(cluster.gossip(2, lie_about_two(liar, 1000 + 2 * i)));
    cluster.world.sim.run_for(10ms);
  }
  EXPECT_LE(two.broadcasts, 12);
  cluster.world.sim.run_for(2s);
  cluster.expect_one_ring();
}

}  // namespace
}  // namespace weft::ipam::test
