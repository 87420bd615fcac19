/// Peers by key, for the loop and for lanes.

#include <weft/overlay/peer_table.hpp>

#include <gtest/gtest.h>

#include <weft/testing/fake_lanes.hpp>

namespace weft::overlay {
namespace {

TEST(PeerTable, FindsPeersByTheirKeys) {
  weft::testing::FakeLanes lanes;
  PeerTable<int, const int> table(lanes);
  EXPECT_EQ(table.find(1), nullptr);
  for (const int key : {5, 1, 9, 3}) {
    table.set(key, std::make_shared<const int>(10 * key));
  }
  for (const int key : {5, 1, 9, 3}) {
    ASSERT_NE(table.find(key), nullptr) << key;
    EXPECT_EQ(*table.find(key), 10 * key);
  }
  EXPECT_EQ(table.find(4), nullptr);
  EXPECT_EQ(table.find(10), nullptr);
  EXPECT_EQ(table.all().size(), 4U);
  EXPECT_EQ(table.all().front().first, 1);
}

TEST(PeerTable, RemovesAPeerUnlessAnotherTookItsPlace) {
  weft::testing::FakeLanes lanes;
  PeerTable<int, const int> table(lanes);
  const auto first = std::make_shared<const int>(1);
  const auto second = std::make_shared<const int>(2);
  table.set(7, first);
  table.set(7, second);

  EXPECT_FALSE(table.remove(7, *first));
  EXPECT_EQ(table.find(7), second.get());
  EXPECT_TRUE(table.remove(7, *second));
  EXPECT_FALSE(table.remove(7, *second));
  EXPECT_EQ(table.find(7), nullptr);
}

TEST(PeerTable, HoldsItsPeersUntilItIsCleared) {
  weft::testing::FakeLanes lanes;
  PeerTable<int, const int> table(lanes);
  auto peer = std::make_shared<const int>(1);
  const std::weak_ptr<const int> observer = peer;
  table.set(7, std::move(peer));
  EXPECT_FALSE(observer.expired());
  table.clear();
  EXPECT_TRUE(observer.expired());
}

}  // namespace
}  // namespace weft::overlay
