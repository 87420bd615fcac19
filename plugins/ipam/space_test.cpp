/// Ranges, sets of addresses, and what is allocated, freed and donated from them.

#include "ipam/space.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace weft::ipam {
namespace {

constexpr AddressRange universe{0x0A200000, 0x0A300000};  // 10.32.0.0/12

TEST(AddressRange, ComesFromASubnetWithAndWithoutItsEnds) {
  const auto subnet = *net::parse_cidr("10.32.0.0/12");
  EXPECT_EQ(range_of(subnet), universe);
  EXPECT_EQ(host_range_of(subnet), (AddressRange{0x0A200001, 0x0A2FFFFF}));
  EXPECT_TRUE(range_of(*net::parse_cidr("255.0.0.0/8")).is_empty());
  EXPECT_TRUE(host_range_of(*net::parse_cidr("10.0.0.1/32")).is_empty());
  EXPECT_TRUE(host_range_of(*net::parse_cidr("10.0.0.0/31")).is_empty());
}

TEST(AddressRange, PrintsAsAPrefixWhenItIsOne) {
  EXPECT_EQ(to_string(universe), "10.32.0.0/12");
  EXPECT_EQ(to_string(AddressRange{0x0A200000, 0x0A200007}), "10.32.0.0-10.32.0.6");
}

TEST(BiggestAlignedBlock, FollowsTheThreeCases) {
  EXPECT_EQ(biggest_aligned_block({8, 16}), (AddressRange{8, 16}));  // aligned at its start
  EXPECT_EQ(biggest_aligned_block({8, 23}), (AddressRange{8, 16}));  // size rounds down
  EXPECT_EQ(biggest_aligned_block({6, 17}), (AddressRange{8, 16}));  // room after skipping
  EXPECT_EQ(biggest_aligned_block({3, 9}), (AddressRange{4, 8}));    // whole block later
  EXPECT_EQ(biggest_aligned_block({1, 9}), (AddressRange{4, 8}));    // half, first fit
  EXPECT_EQ(biggest_aligned_block({7, 15}), (AddressRange{8, 12}));  // half, past the middle
  EXPECT_EQ(biggest_aligned_block({5, 6}), (AddressRange{5, 6}));
}

TEST(BiggestAlignedBlock, IsAlwaysInsideAlignedAndAtLeastAQuarter) {
  for (Address start = 0; start < 70; ++start) {
    for (Address end = start + 1; end < 140; ++end) {
      const AddressRange block = biggest_aligned_block({start, end});
      ASSERT_FALSE(block.is_empty());
      ASSERT_GE(block.start, start);
      ASSERT_LE(block.end, end);
      ASSERT_EQ(block.start % block.size(), 0u);
      ASSERT_GT(block.size() * 4, end - start);
    }
  }
}

TEST(FewestPrefixes, CoverExactlyAndGlueNeighbours) {
  const std::vector<AddressRange> ranges{{0x0A200000, 0x0A280000}, {0x0A280000, 0x0A300000}};
  EXPECT_EQ(fewest_prefixes(ranges), std::vector{*net::parse_cidr("10.32.0.0/12")});

  const std::vector<AddressRange> odd{{0x0A200001, 0x0A200008}};
  EXPECT_EQ(fewest_prefixes(odd),
            (std::vector{*net::parse_cidr("10.32.0.1/32"), *net::parse_cidr("10.32.0.2/31"),
                         *net::parse_cidr("10.32.0.4/30")}));
  EXPECT_TRUE(fewest_prefixes({}).empty());
}

TEST(AddressSet, AgreesWithASetOfIntegers) {
  std::mt19937 random(7);
  AddressSet set;
  std::set<Address> model;
  for (int step = 0; step < 3000; ++step) {
    const auto start = static_cast<Address>(random() % 64);
    const AddressRange range{start, start + static_cast<Address>(random() % 12)};
    const bool is_add = random() % 2 == 0;
    is_add ? set.add(range) : set.remove(range);
    for (Address a = range.start; a < range.end; ++a) {
      is_add ? static_cast<void>(model.insert(a)) : static_cast<void>(model.erase(a));
    }

    ASSERT_EQ(set.count(), model.size());
    for (Address a = 0; a < 80; ++a) {
      ASSERT_EQ(set.contains(a), model.contains(a));
    }
    for (std::size_t i = 1; i < set.ranges().size(); ++i) {
      ASSERT_LT(set.ranges()[i - 1].end, set.ranges()[i].start);
    }
  }
}

Space owning(std::vector<AddressRange> ranges) {
  Space space;
  space.set_owned(ranges);
  return space;
}

TEST(Space, AllocatesTheLowestFreeAddressInRange) {
  Space space = owning({{10, 20}, {30, 40}});
  EXPECT_EQ(space.allocate({15, 40}), 15u);
  EXPECT_EQ(space.allocate({15, 40}), 16u);
  EXPECT_EQ(space.allocate({20, 40}), 30u);
  EXPECT_EQ(space.allocate({20, 30}), std::nullopt);
  space.release(15);
  EXPECT_EQ(space.allocate({15, 40}), 15u);
}

TEST(Space, ClaimsOnlyWhatIsFreeAndReleasesOnlyWhatIsAllocated) {
  Space space = owning({{10, 20}});
  EXPECT_TRUE(space.claim(12));
  EXPECT_FALSE(space.claim(12));
  EXPECT_FALSE(space.claim(25));
  space.release(25);
  EXPECT_EQ(space.free().count(), 9u);
  EXPECT_EQ(space.allocated().count(), 1u);
}

TEST(Space, HasAllocationsOnlyWhereAnAddressIsAllocated) {
  Space space = owning({{10, 20}});
  const std::vector<AddressRange> inside{{12, 18}};
  const std::vector<AddressRange> beyond{{12, 22}};
  EXPECT_FALSE(space.has_allocations(inside));
  EXPECT_FALSE(space.has_allocations(beyond));  // not this node's
  EXPECT_TRUE(space.claim(15));
  EXPECT_TRUE(space.has_allocations(inside));
}

TEST(Space, GrowsAndShrinksWithTheRing) {
  Space space = owning({{10, 20}});
  EXPECT_TRUE(space.claim(12));
  space.set_owned(std::vector<AddressRange>{{12, 16}, {30, 32}});
  EXPECT_EQ(space.free().ranges(), (std::vector<AddressRange>{{13, 16}, {30, 32}}));
  EXPECT_EQ(space.allocated().count(), 1u);
}

TEST(Space, DonatesTheUpperHalfOfASingleBlock) {
  Space space = owning({universe});
  EXPECT_TRUE(space.claim(universe.start));
  // Source: Weave Net asked for its /12 with the first address in use.
  EXPECT_EQ(space.donate(universe), (AddressRange{0x0A2C0000, 0x0A300000}));
}

TEST(Space, DonatesTheLaterOfEqualBlocksWhole) {
  Space space = owning({{0, 8}, {16, 24}, {32, 40}});
  EXPECT_EQ(space.donate({0, 64}), (AddressRange{32, 40}));
  EXPECT_EQ(space.donate({0, 64}), (AddressRange{16, 24}));
  EXPECT_EQ(space.donate({0, 64}), (AddressRange{4, 8}));
}

TEST(Space, DonatesASingleAddressWholeAndNothingWhenNothingIsFree) {
  Space space = owning({{0, 8}});
  EXPECT_EQ(space.donate({5, 6}), (AddressRange{5, 6}));
  EXPECT_EQ(space.donate({5, 6}), std::nullopt);
  EXPECT_EQ(space.donate({6, 5}), std::nullopt);
  EXPECT_EQ(space.donate({100, 200}), std::nullopt);
}

}  // namespace
}  // namespace weft::ipam
