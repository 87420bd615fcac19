/// Merging rings: every row of the merge table, every error, and convergence.

#include <gtest/gtest.h>

#include <random>

#include "ipam/ring.hpp"
#include "ipam/space.hpp"

namespace weft::ipam {
namespace {

constexpr AddressRange universe{0, 100};
constexpr PeerName us{1};
constexpr PeerName p{2};
constexpr PeerName q{3};

using Entries = std::vector<RingEntry>;
using Ranges = std::vector<AddressRange>;

RingState state(Entries entries, std::vector<PeerName> seeds = {}) {
  return {universe, std::move(entries), std::move(seeds)};
}

MergeTerms lets_go_of(bool all) {
  MergeTerms terms;
  terms.lets_go = [all](std::span<const AddressRange>, PeerName) { return all; };
  return terms;
}

/// Merges `theirs` into a ring of `mine` that lets go of every range without `allocated` addresses.
struct Outcome {
  Outcome(Entries mine, Entries theirs, Ranges allocated = {}) : before(std::move(mine)) {
    Ring ring(universe, us);
    EXPECT_TRUE(ring.restore(state(before)));
    Space space;
    space.set_owned(ring.owned_ranges(us));
    for (const AddressRange range : allocated) {
      for (Address address = range.start; address < range.end; ++address) {
        EXPECT_TRUE(space.claim(address));
      }
    }
    MergeTerms terms;
    terms.version_ceiling = 1000;
    terms.lets_go = [&space](std::span<const AddressRange> ranges, PeerName) {
      return !space.has_allocations(ranges);
    };
    auto merged = ring.merge(state(std::move(theirs)), std::move(terms));
    EXPECT_TRUE(merged);
    after = ring.state().entries;
    EXPECT_TRUE(ring.state().check());
    is_changed = merged->is_changed;
    outbid = merged->outbid.size();
    moves = merged->moves;
    for (const std::size_t times : merged->refused) {
      refused += times;
    }
  }

  Entries before;
  Entries after;
  bool is_changed = false;
  std::size_t outbid = 0;
  std::size_t refused = 0;
  std::vector<MergeOutcome::Move> moves;
};

std::string merge_error(const RingState& mine, const RingState& theirs) {
  Ring ring(mine.universe, us);
  EXPECT_TRUE(ring.restore(mine));
  const auto merged = ring.merge(theirs, lets_go_of(true));
  EXPECT_EQ(ring.state(), mine);
  return merged ? "" : merged.error().context;
}

TEST(RingMerge, ChecksSeedsThenRange) {
  const RingState mine = state({{0, us, 0, 100}}, {us, p});
  const auto other_range = [](Entries entries, std::vector<PeerName> seeds) {
    return RingState{{0, 50}, std::move(entries), std::move(seeds)};
  };
  EXPECT_EQ(merge_error(mine, other_range({{10, p, 0, 0}}, {p, us})),
            "merge the received ring: IP allocation was seeded by different peers (received: "
            "[00:00:00:00:00:02 00:00:00:00:00:01], ours: [00:00:00:00:00:01 00:00:00:00:00:02])");
  EXPECT_EQ(merge_error(mine, other_range({{10, p, 0, 0}}, {us, p})),
            "merge the received ring: Incompatible IP allocation ranges (received: "
            "0.0.0.0-0.0.0.49, ours: 0.0.0.0-0.0.0.99)");
  EXPECT_EQ(merge_error(mine, other_range({}, {})),
            "merge the received ring: Incompatible IP allocation ranges (received: "
            "0.0.0.0-0.0.0.49, ours: 0.0.0.0-0.0.0.99)");
}

TEST(RingMerge, PassesOverBadEntriesAndTakesTheGoodOnes) {
  const Outcome merge(
      {{0, p, 1, 0}, {50, p, 1, 0}},
      {{20, q, 0, 3}, {20, p, 0, 3}, {10, q, 0, 3}, {50, p, 2, 9}, {100, q, 0, 0}, {120, q, 0, 0}});
  EXPECT_EQ(merge.after, (Entries{{0, p, 1, 0}, {20, q, 0, 3}, {50, p, 2, 9}}));
  EXPECT_EQ(merge.refused, 4u);
}

TEST(RingMerge, RefusesVersionsAheadOfTheCeilingAndCanOutbidTheLastOneBelow) {
  EXPECT_EQ(Outcome({{0, p, 1, 0}}, {{0, q, 1001, 0}}).refused, 1u);
  EXPECT_EQ(Outcome({{0, p, 1, 0}}, {{0, q, 1001, 0}}).after, (Entries{{0, p, 1, 0}}));
  EXPECT_EQ(Outcome({{0, p, 1, 0}}, {{20, q, 1001, 0}}).after, (Entries{{0, p, 1, 0}}));
  EXPECT_EQ(Outcome({{0, us, 1, 0}}, {{0, us, 4'000'000'000U, 0}}).after, (Entries{{0, us, 1, 0}}));
  EXPECT_EQ(Outcome({{0, us, 1, 0}}, {{0, q, 1000, 0}}, {{7, 8}}).after,
            (Entries{{0, us, 1001, 0}}));
}

TEST(RingMerge, KeepsToTheMostEntriesThatARingMayHave) {
  const AddressRange wide{0, 1U << 20U};
  Ring ring(wide, us);
  ASSERT_TRUE(ring.restore({wide, {{0, p, 0, 0}}, {}}));
  RingState many{wide, {}, {}};
  for (Address token = 1; token <= max_ring_entries; ++token) {
    many.entries.push_back({token, q, 0, 0});
  }
  const auto merged = ring.merge(many, lets_go_of(false));
  EXPECT_EQ(ring.state().entries.size(), max_ring_entries);
  EXPECT_EQ(merged->refused[static_cast<std::size_t>(Refusal::too_many)], 1u);
}

TEST(RingMerge, SaysWhichAddressesChangedHands) {
  const Outcome merge({{0, p, 1, 0}, {50, us, 1, 0}},
                      {{10, q, 0, 0}, {20, p, 0, 0}, {50, p, 2, 0}});
  ASSERT_EQ(merge.moves.size(), 2u);
  EXPECT_EQ(merge.moves[0].ranges, (Ranges{{10, 20}}));
  EXPECT_EQ(merge.moves[0].from, p);
  EXPECT_EQ(merge.moves[0].to, q);
  EXPECT_EQ(merge.moves[1].ranges, (Ranges{{50, 100}}));
  EXPECT_EQ(merge.moves[1].from, us);
  EXPECT_TRUE(Outcome({}, {{0, p, 0, 0}}).moves.empty());
}

TEST(RingMerge, TakesSeedsOnlyWhenItHasNone) {
  Ring ring(universe, us);
  EXPECT_FALSE(ring.merge(state({}, {us, p}), lets_go_of(true))->is_changed);
  EXPECT_EQ(ring.state().seeds, (std::vector{us, p}));
  EXPECT_TRUE(ring.merge(state({{0, p, 0, 5}}), lets_go_of(true))->is_changed);
  EXPECT_EQ(ring.state().seeds, (std::vector{us, p}));
}

TEST(RingMerge, KeepsAnEntryThatOnlyWeKnow) {
  const Outcome merge({{0, us, 1, 0}, {50, p, 1, 0}}, {{50, p, 1, 0}});
  EXPECT_EQ(merge.after, merge.before);
  EXPECT_FALSE(merge.is_changed);
}

TEST(RingMerge, TakesANewTokenInAnotherPeersRange) {
  const Outcome merge({{0, p, 1, 0}, {50, us, 1, 0}}, {{10, q, 0, 7}});
  EXPECT_EQ(merge.after, (Entries{{0, p, 1, 0}, {10, q, 0, 7}, {50, us, 1, 0}}));
  EXPECT_TRUE(merge.is_changed);
}

TEST(RingMerge, TakesASplitOfOursOnlyWhereNothingIsAllocated) {
  const Entries mine{{0, us, 1, 50}, {50, p, 1, 0}};
  const Outcome free(mine, {{20, p, 0, 3}}, {{5, 6}});
  EXPECT_EQ(free.after, (Entries{{0, us, 1, 20}, {20, p, 0, 3}, {50, p, 1, 0}}));  // clamped

  const Outcome used(mine, {{20, p, 6, 3}}, {{30, 31}});
  EXPECT_EQ(used.after, (Entries{{0, us, 1, 20}, {20, us, 7, 0}, {50, p, 1, 0}}));
  EXPECT_EQ(used.outbid, 1u);
}

TEST(RingMerge, TakesOurOwnUnknownTokenWithoutAsking) {
  const Outcome merge({{0, us, 1, 0}, {50, p, 1, 0}}, {{20, us, 4, 3}}, {{30, 31}});
  EXPECT_EQ(merge.after, (Entries{{0, us, 1, 0}, {20, us, 4, 3}, {50, p, 1, 0}}));
}

TEST(RingMerge, TreatsATailBehindTheLastEntryLikeAnyOtherSplit) {
  EXPECT_EQ(Outcome({{0, us, 1, 0}}, {{20, p, 0, 3}}).after,
            (Entries{{0, us, 1, 0}, {20, p, 0, 3}}));
  EXPECT_EQ(Outcome({{10, us, 1, 0}}, {{5, p, 0, 3}}, {{7, 8}}).after,
            (Entries{{5, us, 1, 0}, {10, us, 1, 0}}));  // of the part before the first token
  const Outcome other({{0, p, 1, 0}}, {{20, q, 0, 3}});
  EXPECT_EQ(other.after, (Entries{{0, p, 1, 0}, {20, q, 0, 3}}));
}

TEST(RingMerge, TakesTheRestBehindARangeThatItIsGiven) {
  const Outcome merge({{0, p, 1, 0}, {50, us, 1, 0}}, {{0, us, 2, 0}, {10, p, 0, 0}}, {{60, 61}});
  EXPECT_EQ(merge.after, (Entries{{0, us, 2, 0}, {10, p, 0, 0}, {50, us, 1, 0}}));
  EXPECT_EQ(merge.outbid, 0u);
}

TEST(RingMerge, KeepsANewerVersionWhoeverSaysOtherwise) {
  for (const PeerName mine : {us, p}) {
    for (const PeerName theirs : {us, p, q}) {
      const Outcome merge({{0, mine, 5, 9}}, {{0, theirs, 4, 50}}, {});
      EXPECT_EQ(merge.after, merge.before);
      EXPECT_FALSE(merge.is_changed);
    }
  }
}

TEST(RingMerge, IgnoresTheFreeCountOfAnEqualVersion) {
  const Outcome merge({{0, p, 5, 9}}, {{0, p, 5, 50}});
  EXPECT_EQ(merge.after, merge.before);
  EXPECT_FALSE(merge.is_changed);
}

TEST(RingMerge, BreaksATieByTheLargerFreeCountAndThenTheLargerName) {
  EXPECT_EQ(Outcome({{0, p, 5, 9}}, {{0, q, 5, 10}}).after, (Entries{{0, q, 5, 10}}));
  EXPECT_TRUE(Outcome({{0, p, 5, 9}}, {{0, q, 5, 10}}).is_changed);
  EXPECT_EQ(Outcome({{0, p, 5, 9}}, {{0, q, 5, 9}}).after, (Entries{{0, q, 5, 9}}));
  EXPECT_EQ(Outcome({{0, q, 5, 9}}, {{0, p, 5, 9}}).after, (Entries{{0, q, 5, 9}}));
  EXPECT_EQ(Outcome({{0, us, 5, 9}}, {{0, q, 5, 10}}).after, (Entries{{0, q, 5, 10}}));
  EXPECT_EQ(Outcome({{0, us, 5, 9}}, {{0, q, 5, 2}}).after, (Entries{{0, us, 5, 9}}));
  EXPECT_EQ(Outcome({{0, us, 5, 9}}, {{0, q, 5, 2}}, {{7, 8}}).after, (Entries{{0, us, 6, 9}}));
}

TEST(RingMerge, TakesANewerVersionOfAnotherPeersEntry) {
  for (const PeerName theirs : {us, p, q}) {
    const Outcome merge({{0, p, 4, 9}}, {{0, theirs, 5, 7}});
    EXPECT_EQ(merge.after, (Entries{{0, theirs, 5, 7}}));
    EXPECT_TRUE(merge.is_changed);
  }
}

TEST(RingMerge, GivesUpOurEntryToANewerVersionOnlyWhenNothingIsAllocated) {
  const Entries mine{{0, us, 4, 9}, {50, p, 0, 0}};
  EXPECT_EQ(Outcome(mine, {{0, q, 5, 7}}).after, (Entries{{0, q, 5, 7}, {50, p, 0, 0}}));
  EXPECT_EQ(Outcome(mine, {{0, q, 5, 7}}, {{49, 50}}).after,
            (Entries{{0, us, 6, 9}, {50, p, 0, 0}}));
}

TEST(RingMerge, ImposesOurEntryOnANewerEchoOfItWithoutCountingItAsAChange) {
  const Outcome merge({{0, us, 4, 9}}, {{0, us, 8, 50}}, {{1, 2}});
  EXPECT_EQ(merge.after, (Entries{{0, us, 9, 9}}));
  EXPECT_FALSE(merge.is_changed);
}

TEST(RingMerge, ImposesOurFreeCountOnAGreaterOneOfTheSameVersion) {
  EXPECT_EQ(Outcome({{0, us, 3, 1}}, {{0, us, 3, 2}}).after, (Entries{{0, us, 4, 1}}));
  EXPECT_EQ(Outcome({{0, us, 3, 2}}, {{0, us, 3, 1}}).after, (Entries{{0, us, 3, 2}}))
      << "a split lowers it without its owner";
}

TEST(RingMerge, OutbidsASplitBehindAnEchoToo) {
  const Outcome merge({{0, us, 4, 9}, {50, p, 0, 0}}, {{0, us, 8, 20}, {20, q, 0, 0}}, {{30, 31}});
  EXPECT_EQ(merge.after, (Entries{{0, us, 9, 9}, {20, us, 1, 0}, {50, p, 0, 0}}));
}

TEST(RingMerge, LowersFreeCountsToWhatASplitLeaves) {
  const Outcome merge({{0, p, 1, 80}, {90, p, 0, 0}}, {{20, q, 0, 3}});
  EXPECT_EQ(merge.after, (Entries{{0, p, 1, 20}, {20, q, 0, 3}, {90, p, 0, 0}}));
}

/// Seeded randomness.
class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(engine_() % bound); }

 private:
  std::mt19937 engine_;
};

/// Several peers that grant, allocate and report on their own copies, and merge at random.
class Cluster {
 public:
  explicit Cluster(unsigned seed) : dice_(seed) {
    for (std::uint64_t i = 1; i <= peers; ++i) {
      names_.push_back(PeerName{i});
    }
    for (const PeerName name : names_) {
      rings_.emplace_back(universe, name);
      rings_.back().divide(names_);
      spaces_.emplace_back();
      spaces_.back().set_owned(rings_.back().owned_ranges(name));
    }
  }

  void step() {
    const std::size_t i = pick();
    switch (dice_.below(4)) {
      case 0:
        static_cast<void>(spaces_[i].allocate(universe));
        break;
      case 1:
        give(i, pick());
        break;
      default:
        merge(i, pick());
        break;
    }
    rings_[i].report_free(
        [&](AddressRange range) { return std::optional(spaces_[i].free_in(range)); });
    ASSERT_TRUE(rings_[i].state().check());
  }

  void merge_until_equal() {
    std::vector<std::size_t> order(peers * 3);
    for (std::size_t round = 0; round < order.size(); ++round) {
      for (std::size_t i = 0; i < peers; ++i) {
        merge(i, (i + 1 + round) % peers);
      }
    }
    for (std::size_t i = 1; i < peers; ++i) {
      EXPECT_EQ(rings_[i].state(), rings_[0].state());
    }
  }

  void expect_disjoint_space() {
    AddressSet all;
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < peers; ++i) {
      for (const AddressRange range : rings_[0].owned_ranges(names_[i])) {
        all.add(range);
      }
      count += spaces_[i].free().count() + spaces_[i].allocated().count();
    }
    EXPECT_EQ(all.ranges(), Ranges{universe});
    EXPECT_EQ(count, universe.size());
  }

 private:
  static constexpr std::size_t peers = 4;

  std::size_t pick() { return dice_.below(peers); }

  void give(std::size_t from, std::size_t to) {
    const Address start = dice_.below(universe.end);
    if (from == to) {
      return;
    }
    if (const auto chunk = spaces_[from].donate({start, universe.end})) {
      rings_[from].grant(*chunk, names_[to]);
    }
  }

  void merge(std::size_t into, std::size_t from) {
    const auto merged = rings_[into].merge(rings_[from].state(), lets_go_of(false));
    ASSERT_TRUE(merged) << merged.error().message();
    ASSERT_TRUE(merged->outbid.empty()) << "nobody forges here";
    spaces_[into].set_owned(rings_[into].owned_ranges(names_[into]));
  }

  Dice dice_;
  std::vector<PeerName> names_;
  std::vector<Ring> rings_;
  std::vector<Space> spaces_;
};

TEST(RingMerge, ConvergesWhateverTheOrderAndLosesNoAddress) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Cluster cluster(seed);
    for (int i = 0; i < 150; ++i) {
      cluster.step();
    }
    cluster.merge_until_equal();
    cluster.expect_disjoint_space();
    if (::testing::Test::HasFailure()) {
      return;
    }
  }
}

TEST(RingMerge, KeepsTheInvariantsAndWhatItDoesNotLetGoOfOnArbitraryRings) {
  Dice dice(3);
  const auto arbitrary = [&dice] {
    Entries entries;
    for (Address token = dice.below(30); token < universe.end; token += 1 + dice.below(30)) {
      entries.push_back({token, PeerName{1 + dice.below(3)}, dice.below(4), 0});
    }
    for (RingEntry& entry : entries) {
      entry.free = dice.below(2);
    }
    return state(std::move(entries));
  };
  for (int i = 0; i < 20000; ++i) {
    Ring ring(universe, us);
    ASSERT_TRUE(ring.restore(arbitrary()));
    AddressSet before;
    for (const AddressRange range : ring.owned_ranges(us)) {
      before.add(range);
    }
    const bool lets_go = dice.below(2) == 0;
    ASSERT_TRUE(ring.merge(arbitrary(), lets_go_of(lets_go)));
    ASSERT_TRUE(ring.state().check());
    AddressSet after;
    for (const AddressRange range : ring.owned_ranges(us)) {
      after.add(range);
    }
    for (const AddressRange range : before.ranges()) {
      ASSERT_TRUE(lets_go || after.count_in(range) == range.size());
    }
  }
}

}  // namespace
}  // namespace weft::ipam
