/// What the watch makes of answers and of silence.
#include "mtu_watch.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace weft::sleeve {
namespace {

using namespace std::chrono_literals;
using Wish = MtuWatch::Wish;

class MtuWatchTest : public ::testing::Test {
 protected:
  MtuWatchTest() { watch_.begin(now_); }

  /// What it asks for in the next `by`.
  std::vector<Wish> advance(Duration by) {
    std::vector<Wish> wishes;
    const TimePoint end = now_ + by;
    while (watch_.due() && *watch_.due() <= end) {
      now_ = *watch_.due();
      wishes.push_back(watch_.on_timer(now_));
    }
    now_ = end;
    return wishes;
  }

  void answer_small_ones(int count) {
    for (int i = 0; i < count; ++i) {
      watch_.on_answer(false, now_);
    }
  }

  TimePoint now_{1h};
  MtuWatch watch_;
};

TEST_F(MtuWatchTest, TestsNowAndThenWhileTestsAreAnswered) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(advance(15s), std::vector{Wish::test});
    watch_.on_answer(true, now_);
  }
  EXPECT_EQ(watch_.on_timer(now_), Wish::nothing);
}

TEST_F(MtuWatchTest, TakesAPathForNarrowerThatCarriesSmallTestsOnly) {
  EXPECT_EQ(advance(15s), std::vector{Wish::test});
  EXPECT_EQ(advance(7s), std::vector(7, Wish::test_twice));
  answer_small_ones(4);

  EXPECT_EQ(advance(1h), std::vector{Wish::narrow});
  EXPECT_FALSE(watch_.due());
}

TEST_F(MtuWatchTest, TakesAPathForBadThatCarriesFewTests) {
  EXPECT_EQ(advance(22s).size(), 8U);
  answer_small_ones(3);
  EXPECT_EQ(advance(1s), std::vector{Wish::nothing});
  EXPECT_EQ(advance(14s), std::vector<Wish>{});
  EXPECT_EQ(advance(1s), std::vector{Wish::test});
}

TEST_F(MtuWatchTest, ForgetsLossesOnceATestIsAnswered) {
  (void)advance(22s);
  answer_small_ones(7);
  watch_.on_answer(true, now_);

  EXPECT_EQ(advance(15s), std::vector{Wish::test});
  (void)advance(7s);
  EXPECT_EQ(advance(1s), std::vector{Wish::nothing}) << "the small ones were answered before these";
}

TEST_F(MtuWatchTest, IgnoresLateAnswersWhenItHasEnded) {
  watch_.end();
  watch_.on_answer(true, now_);
  EXPECT_FALSE(watch_.due());
}

}  // namespace
}  // namespace weft::sleeve
