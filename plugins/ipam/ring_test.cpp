/// The ring's invariants, its first division, grants, transfers, free counts and candidates.

#include "ipam/ring.hpp"

#include <gtest/gtest.h>

namespace weft::ipam {
namespace {

constexpr AddressRange universe{0x0A200000, 0x0A300000};  // 10.32.0.0/12
constexpr PeerName a{1};
constexpr PeerName b{2};
constexpr PeerName c{3};

using Entries = std::vector<RingEntry>;

Ring ring_of(AddressRange range, PeerName self, Entries entries) {
  Ring ring(range, self);
  EXPECT_TRUE(ring.restore({range, std::move(entries), {}}));
  return ring;
}

std::string check_error(AddressRange range, Entries entries) {
  const auto result = RingState{range, std::move(entries), {}}.check();
  return result ? "" : result.error().context;
}

TEST(RingCheck, RefusesWhatBreaksAnInvariant) {
  constexpr AddressRange range{100, 200};
  EXPECT_EQ(check_error(range, {}), "");
  EXPECT_EQ(check_error(range, {{100, a, 0, 100}}), "");
  EXPECT_EQ(check_error(range, {{150, a, 0, 100}}), "");  // one entry wraps over everything
  EXPECT_EQ(check_error(range, {{150, a, 0, 0}, {120, a, 0, 0}}),
            "accept the ring: Ring not sorted");
  EXPECT_EQ(check_error(range, {{150, a, 0, 0}, {150, b, 0, 0}}),
            "accept the ring: Token appears twice in ring");
  EXPECT_EQ(check_error(range, {{99, a, 0, 0}}), "accept the ring: Token is out of range");
  EXPECT_EQ(check_error(range, {{200, a, 0, 0}}), "accept the ring: Token is out of range");
  EXPECT_EQ(check_error(range, {{100, a, 0, 51}, {150, b, 0, 0}}),
            "accept the ring: Entry 0.0.0.100-0.0.0.150 reporting too much free space: 51 > 50");
}

TEST(RingDivide, HalvesTheRangeAndThePeersRecursively) {
  Ring ring(universe, a);
  ring.divide({a, b, c});

  EXPECT_EQ(ring.state().entries, (Entries{{0x0A200000, a, 0, 0x80000},
                                           {0x0A280000, b, 0, 0x40000},
                                           {0x0A2C0000, c, 0, 0x40000}}));
  EXPECT_EQ(ring.state().seeds, (std::vector{a, b, c}));
}

TEST(RingDivide, GivesOneEntryToOnePeerAndCopesWithMorePeersThanAddresses) {
  Ring alone(universe, a);
  alone.divide({a});
  EXPECT_EQ(alone.state().entries, (Entries{{0x0A200000, a, 0, 0x100000}}));

  Ring crowded({0, 4}, a);
  std::vector<PeerName> peers;
  for (std::uint64_t i = 1; i <= 9; ++i) {
    peers.push_back(PeerName{i});
  }
  crowded.divide(peers);
  EXPECT_EQ(crowded.state().entries.size(), 4u);
  EXPECT_TRUE(crowded.state().check());
}

TEST(RingGrant, SplitsTheOwnersEntryAsTheOriginalDoes) {
  Ring ring = ring_of(universe, a, {{0x0A200000, a, 1, 0xFFFFF}});

  ring.grant({0x0A2C0000, 0x0A300000}, b);

  EXPECT_EQ(ring.state().entries,
            (Entries{{0x0A200000, a, 2, 786432}, {0x0A2C0000, b, 0, 262144}}));

  ring.report_free([](AddressRange range) { return std::optional(range.size() - 1); });
  EXPECT_EQ(ring.state().entries[0], (RingEntry{0x0A200000, a, 3, 786431}));
}

TEST(RingGrant, GivesBackTheRestBehindTheRange) {
  Ring ring = ring_of({0, 100}, a, {{0, a, 5, 100}});

  ring.grant({20, 30}, b);

  EXPECT_EQ(ring.state().entries, (Entries{{0, a, 6, 20}, {20, b, 0, 10}, {30, a, 0, 70}}));
}

TEST(RingGrant, UpdatesAnEntryThatStartsThereAndThoseInside) {
  Ring ring = ring_of({0, 100}, a, {{0, a, 1, 10}, {10, a, 2, 5}, {20, a, 3, 20}, {60, b, 0, 9}});

  ring.grant({10, 40}, b);

  EXPECT_EQ(
      ring.state().entries,
      (Entries{{0, a, 1, 10}, {10, b, 3, 10}, {20, b, 4, 20}, {40, a, 0, 20}, {60, b, 0, 9}}));
}

TEST(RingGrant, GoesRoundTheEnd) {
  Ring ring = ring_of({0, 100}, a, {{50, a, 0, 100}});

  ring.grant({10, 20}, b);
  EXPECT_EQ(ring.state().entries, (Entries{{10, b, 0, 10}, {20, a, 0, 30}, {50, a, 1, 60}}));

  ring.grant({90, 100}, c);
  EXPECT_EQ(
      ring.state().entries,
      (Entries{{0, a, 0, 10}, {10, b, 0, 10}, {20, a, 0, 30}, {50, a, 2, 40}, {90, c, 0, 10}}));
  EXPECT_TRUE(ring.state().check());
}

TEST(RingTransfer, RaisesEveryMovedVersionByAHundred) {
  Ring ring = ring_of({0, 100}, a, {{10, b, 1, 0}, {20, a, 2, 0}, {30, b, 3, 0}});

  EXPECT_EQ(ring.transfer(b, a), (std::vector<AddressRange>{{0, 10}, {10, 20}, {30, 100}}));

  EXPECT_EQ(ring.state().entries, (Entries{{10, a, 101, 0}, {20, a, 2, 0}, {30, a, 103, 0}}));
  EXPECT_TRUE(ring.transfer(c, a).empty());
}

TEST(RingReportFree, RaisesTheVersionOnlyOfOwnEntriesThatChanged) {
  Ring ring = ring_of({0, 100}, a, {{10, a, 1, 10}, {20, b, 2, 3}, {30, a, 3, 70}});

  ring.report_free(
      [](AddressRange range) { return std::optional(range == AddressRange{0, 10} ? 7U : 10U); });

  EXPECT_EQ(ring.state().entries, (Entries{{10, a, 1, 10}, {20, b, 2, 3}, {30, a, 4, 17}}));
}

TEST(RingCandidates, AreOtherOwnersWithFreeSpaceThatOverlaps) {
  const Ring ring = ring_of(
      {0, 100}, a, {{10, a, 0, 5}, {20, b, 0, 5}, {30, c, 0, 0}, {40, b, 0, 4}, {50, c, 0, 9}});
  const auto names = [&](AddressRange range) {
    std::vector<std::pair<PeerName, std::uint64_t>> found;
    for (const auto& candidate : ring.candidates(range)) {
      found.emplace_back(candidate.peer, candidate.free);
    }
    return found;
  };
  using Found = std::vector<std::pair<PeerName, std::uint64_t>>;

  EXPECT_EQ(names({0, 100}), (Found{{b, 9}, {c, 9}}));
  EXPECT_EQ(names({25, 26}), (Found{{b, 5}}));
  EXPECT_EQ(names({0, 5}), (Found{{c, 9}}));  // the last entry wraps
  EXPECT_EQ(names({12, 15}), Found{});
}

TEST(RingOwner, CoversEveryAddressOnceThereIsAnEntry) {
  EXPECT_EQ(Ring(universe, a).owner(universe.start), std::nullopt);

  const Ring ring = ring_of({0, 100}, a, {{10, a, 0, 0}, {60, b, 0, 0}});
  EXPECT_EQ(ring.owner(0), b);
  EXPECT_EQ(ring.owner(10), a);
  EXPECT_EQ(ring.owner(59), a);
  EXPECT_EQ(ring.owner(99), b);
  EXPECT_EQ(ring.owned_ranges(b), (std::vector<AddressRange>{{0, 10}, {60, 100}}));
  EXPECT_TRUE(ring.mentions(b));
  EXPECT_FALSE(ring.mentions(c));
}

TEST(RingRestore, RefusesAnotherRangeAndAnInvalidRing) {
  Ring ring(universe, a);
  EXPECT_EQ(ring.restore({{0, 100}, {}, {}}).error().code, Errc::conflict);
  EXPECT_EQ(ring.restore({universe, {{0, a, 0, 0}}, {}}).error().code, Errc::malformed);
  EXPECT_TRUE(ring.is_empty());
}

}  // namespace
}  // namespace weft::ipam
