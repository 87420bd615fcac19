/// What counts say about traffic.

#include "passages.hpp"

#include <linux/netfilter.h>

#include <gtest/gtest.h>

namespace weft::nat {
namespace {

constexpr const char* before_forward = "forward_first/pods to the outside";
constexpr const char* after_forward = "forward_last/pods to the outside";
constexpr const char* before_routing = "prerouting_first/pods to the outside";

class PassagesTest : public ::testing::Test {
 protected:
  /// A window in which these were counted.
  std::vector<Loss> window_with(const Counts& more, bool is_outside_routed = true) {
    for (const auto& [key, packets] : more) {
      counts_[key] += packets;
    }
    passages_.take(counts_, [&] { return is_outside_routed; });
    return passages_.losses();
  }

  Counts counts_{{before_forward, 1000}};
  Passages passages_;
};

TEST_F(PassagesTest, SeveralPacketsInTwoWindowsOfWhichNoneComesOutAreALoss) {
  EXPECT_TRUE(window_with({}).empty()) << "what was counted before says nothing";
  EXPECT_TRUE(window_with({{before_forward, 10}}).empty());

  const auto losses = window_with({{before_forward, 30}});

  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(losses[0], (Loss{Traffic::pods_to_outside, NF_INET_FORWARD, 40, 2}));
  EXPECT_EQ(describe(losses[0]), "40 packets came in within 20 s and none came out");
}

TEST_F(PassagesTest, APacketThatComesOutEndsIt) {
  window_with({});
  window_with({{before_forward, 10}});
  ASSERT_FALSE(window_with({{before_forward, 10}}).empty());

  EXPECT_TRUE(window_with({{before_forward, 10}, {after_forward, 1}}).empty());
}

TEST_F(PassagesTest, TrafficThatIsRefusedInPartIsNoLoss) {
  window_with({});
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(window_with({{before_forward, 1000}, {after_forward, 1}}).empty());
  }
}

TEST_F(PassagesTest, FewPacketsAndSingleWindowsAreNoLoss) {
  window_with({});
  for (const std::uint64_t packets : {9U, 100U}) {
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(window_with({{before_forward, packets}}).empty());
      for (int idle = 0; idle < 6; ++idle) {
        EXPECT_TRUE(window_with({}).empty());
      }
    }
  }
}

TEST_F(PassagesTest, AttemptsThatFollowSlowlyAddUp) {
  window_with({});
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(window_with({{before_forward, 3}}).empty());
  }
  EXPECT_TRUE(window_with({}).empty());

  const auto losses = window_with({{before_forward, 1}});
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(describe(losses[0]), "10 packets came in within 50 s and none came out");
}

TEST_F(PassagesTest, ALossEndsAMinuteAfterTheLastPacket) {
  window_with({});
  window_with({{before_forward, 10}});
  window_with({{before_forward, 10}});
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(window_with({}).empty());
  }
  EXPECT_FALSE(window_with({{before_forward, 1}}).empty()) << "one more, and it did not come out";
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(window_with({}).empty());
  }

  EXPECT_TRUE(window_with({}).empty());
}

TEST_F(PassagesTest, CountsThatBeginAnewAreNoLoss) {
  window_with({{after_forward, 1000}});
  for (int i = 0; i < 3; ++i) {
    counts_ = {{before_forward, 6}, {after_forward, 6}};
    EXPECT_TRUE(window_with({}).empty());
  }
}

TEST_F(PassagesTest, WhatTheGuardOfNodesPortsDropsIsMeant) {
  window_with({});
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(window_with({{before_forward, 10000}, {"guard", 9990}}).empty())
        << "both are not read at once";
  }
  window_with({{before_forward, 100}, {"guard", 80}});
  EXPECT_EQ(window_with({{before_forward, 100}, {"guard", 80}}).size(), 1u);
}

TEST_F(PassagesTest, WhatIsDeliveredHereOrTranslatedCameThroughTheRouting) {
  for (const char* const way :
       {"input_first/pods to the outside", "forward_first/translated to pods"}) {
    window_with({});
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(window_with({{before_routing, 100}, {way, 99}}).empty());
    }
  }
  window_with({{before_routing, 110}, {"input_first/pods to the outside", 90}});
  const auto losses = window_with({{before_routing, 110}, {"input_first/pods to the outside", 90}});
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(losses[0], (Loss{Traffic::pods_to_outside, NF_INET_PRE_ROUTING, 40, 2}));
}

TEST_F(PassagesTest, WithoutADefaultRouteTheRoutingMayDropEverything) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(window_with({{before_routing, 10}}, /*is_outside_routed=*/false).empty());
  }
}

}  // namespace
}  // namespace weft::nat
