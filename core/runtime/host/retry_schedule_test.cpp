/// Waits between the attempts to start a plugin.

#include "runtime/host/retry_schedule.hpp"

#include <gtest/gtest.h>

namespace weft::host {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

constexpr TimePoint start{};

TEST(RetrySchedule, WaitsTwiceAsLongAfterEachFailureUpToALimit) {
  RetrySchedule schedule;
  std::vector<Duration> waits;

  for (int i = 0; i < 7; ++i) {
    waits.push_back(schedule.failed("gossip", start, 0s) - start);
  }

  EXPECT_EQ(waits, (std::vector<Duration>{1s, 2s, 4s, 8s, 16s, 30s, 30s}));
}

TEST(RetrySchedule, NamesEachPluginOnceWhenItIsDue) {
  RetrySchedule schedule;
  schedule.failed("gossip", start, 0s);
  schedule.failed("odp", start + 500ms, 0s);

  EXPECT_EQ(schedule.next(), start + 1s);
  EXPECT_EQ(schedule.take_due(start + 999ms), Names{});
  EXPECT_EQ(schedule.take_due(start + 1s), Names{"gossip"});
  EXPECT_EQ(schedule.next(), start + 1500ms);
  EXPECT_EQ(schedule.take_due(start + 9s), Names{"odp"});
  EXPECT_EQ(schedule.next(), std::nullopt);
  EXPECT_EQ(schedule.failed("gossip", start + 9s, 0s), start + 11s);
}

TEST(RetrySchedule, BeginsAnewAfterAPluginRanForAWhileOrWhenTold) {
  RetrySchedule schedule;
  schedule.failed("odp", start, 0s);
  schedule.failed("odp", start, 59s);

  EXPECT_EQ(schedule.failed("odp", start, 60s), start + 1s);
  schedule.failed("odp", start, 0s);
  schedule.clear();
  EXPECT_EQ(schedule.next(), std::nullopt);
  EXPECT_EQ(schedule.failed("odp", start, 0s), start + 1s);
}

}  // namespace
}  // namespace weft::host
