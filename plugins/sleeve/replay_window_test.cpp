/// The replay window against what the original accepts.
#include "replay_window.hpp"

#include <gtest/gtest.h>

namespace weft::sleeve {
namespace {

using enum ReplayWindow::Verdict;

TEST(ReplayWindow, AcceptsAndRefusesLikeTheOriginal) {
  ReplayWindow window;  // Source of the sequence: dp-sleeve.txt, "window seq="

  EXPECT_EQ(window.mark(5), fresh);
  EXPECT_EQ(window.mark(5), stale);
  EXPECT_EQ(window.mark(1048576), fresh);
  EXPECT_EQ(window.mark(6), fresh);
  EXPECT_EQ(window.mark(5), stale);
  EXPECT_EQ(window.mark(3145728), fresh);
  EXPECT_EQ(window.mark(2097153), fresh);
  EXPECT_EQ(window.mark(1048577), stale);
  EXPECT_EQ(window.mark(3145727), fresh);
  EXPECT_EQ(window.mark(4611686018427387904), fresh);
}

TEST(ReplayWindow, RemembersEveryNumberOfTheCurrentAndThePreviousWindow) {
  ReplayWindow window;
  for (std::uint64_t sequence = 0; sequence < 2U << 20U; sequence += 4097) {
    ASSERT_EQ(window.mark(sequence), fresh) << sequence;
  }
  for (std::uint64_t sequence = 0; sequence < 2U << 20U; sequence += 4097) {
    ASSERT_EQ(window.mark(sequence), stale) << sequence;
  }
}

TEST(ReplayWindow, ForgetsNothingOfThePreviousWindowWhenMovingByOne) {
  ReplayWindow window;
  ASSERT_EQ(window.mark((1U << 20U) + 7), fresh);
  ASSERT_EQ(window.mark(2U << 20U), fresh);

  EXPECT_EQ(window.mark((1U << 20U) + 7), stale);
  EXPECT_EQ(window.mark((1U << 20U) + 8), fresh);
  EXPECT_EQ(window.mark((1U << 20U) - 1), stale);
}

}  // namespace
}  // namespace weft::sleeve
