/// What the watch makes of answers and of silence.
#include <weft/overlay/mtu_watch.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace weft::overlay {
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
      watch_.on_answer(MtuWatch::small_mtu, false, now_);
    }
  }

  TimePoint now_{1h};
  MtuWatch watch_;
};

TEST_F(MtuWatchTest, TestsNowAndThenWhileTestsAreAnswered) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(advance(3s), std::vector{Wish::test});
    watch_.on_answer(1438, true, now_);
  }
  EXPECT_EQ(watch_.on_timer(now_), Wish::nothing);
}

TEST_F(MtuWatchTest, TakesAPathForNarrowerThatCarriesSmallTestsOnly) {
  EXPECT_EQ(advance(3s), std::vector{Wish::test});
  EXPECT_EQ(advance(2800ms), std::vector(7, Wish::test_twice));
  answer_small_ones(4);

  EXPECT_EQ(advance(400ms), std::vector{Wish::narrow});
  EXPECT_FALSE(watch_.due());
}

TEST_F(MtuWatchTest, TakesAPathForBadThatCarriesFewTests) {
  EXPECT_EQ(advance(5800ms).size(), 8U);
  answer_small_ones(3);
  EXPECT_EQ(advance(400ms), std::vector{Wish::nothing});
  EXPECT_EQ(advance(2900ms), std::vector<Wish>{});
  EXPECT_EQ(advance(100ms), std::vector{Wish::test});
}

TEST_F(MtuWatchTest, ForgetsLossesOnceATestIsAnswered) {
  (void)advance(5800ms);
  answer_small_ones(7);
  watch_.on_answer(1438, true, now_);

  EXPECT_EQ(advance(3s), std::vector{Wish::test});
  (void)advance(2800ms);
  EXPECT_EQ(advance(400ms), std::vector{Wish::nothing})
      << "the small ones were answered before these";
}

TEST_F(MtuWatchTest, LooksIntoAReportAtOnce) {
  watch_.doubt(now_);
  EXPECT_EQ(advance(0s), std::vector{Wish::test_twice});
  EXPECT_TRUE(watch_.is_hasty());
  EXPECT_EQ(advance(2549ms), std::vector(7, Wish::test_twice));
  answer_small_ones(8);
  watch_.on_answer(900, false, now_);
  EXPECT_EQ(advance(1ms), std::vector{Wish::narrow});
  EXPECT_EQ(watch_.passing(), 900U);
}

TEST_F(MtuWatchTest, IsSatisfiedWithOneAnswerHoweverManyReportsFollow) {
  std::size_t tests = 0;
  for (int i = 0; i < 300; ++i) {
    watch_.doubt(now_);
    tests += advance(0s).size();
    watch_.on_answer(1438, true, now_);
    EXPECT_FALSE(watch_.is_hasty());
    (void)advance(10ms);
  }
  EXPECT_EQ(tests, 3U);
}

TEST_F(MtuWatchTest, TakesAPathForBadThatCarriesNothingWhenAReportArrives) {
  watch_.doubt(now_);
  (void)advance(2549ms);
  answer_small_ones(3);
  EXPECT_EQ(advance(1ms), std::vector{Wish::nothing});
  EXPECT_FALSE(watch_.is_hasty());
}

TEST_F(MtuWatchTest, DoubtsNothingWhenItHasEnded) {
  watch_.end();
  watch_.doubt(now_);
  EXPECT_FALSE(watch_.due());
}

TEST_F(MtuWatchTest, IgnoresLateAnswersWhenItHasEnded) {
  watch_.end();
  watch_.on_answer(1438, true, now_);
  EXPECT_FALSE(watch_.due());
}

}  // namespace
}  // namespace weft::overlay
