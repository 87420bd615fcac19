/// The replay window: no number passes twice, and late ones still pass once.
#include "replay_window.hpp"

#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

namespace weft::sleeve {
namespace {

using enum ReplayWindow::Verdict;

TEST(ReplayWindow, AcceptsEveryNumberOnce) {
  ReplayWindow window;
  for (int round = 0; round < 2; ++round) {
    for (std::uint64_t sequence = 0; sequence < ReplayWindow::span; ++sequence) {
      ASSERT_EQ(window.mark(sequence), round == 0 ? fresh : stale) << sequence;
    }
  }
}

TEST(ReplayWindow, AcceptsLateNumbersOfItsSpanOnce) {
  ReplayWindow window;
  const std::uint64_t newest = 1'000'003;
  ASSERT_EQ(window.mark(newest), fresh);

  for (std::uint64_t late = 1; late <= ReplayWindow::span; ++late) {
    ASSERT_EQ(window.mark(newest - late), fresh) << late;
  }
  for (std::uint64_t late = 0; late <= ReplayWindow::span; ++late) {
    ASSERT_EQ(window.mark(newest - late), stale) << late;
  }
}

TEST(ReplayWindow, RefusesWhatItCannotTellFromACopy) {
  ReplayWindow window;
  ASSERT_EQ(window.mark(5), fresh);
  ASSERT_EQ(window.mark(16 * 2048 + 3), fresh);  // the same slot

  EXPECT_EQ(window.mark(5), stale);
  EXPECT_EQ(window.mark(6), stale);
}

TEST(ReplayWindow, SaysWhatWasUsedWithoutUsingIt) {
  ReplayWindow window;
  EXPECT_FALSE(window.was_used(5));
  ASSERT_EQ(window.mark(5), fresh);
  EXPECT_TRUE(window.was_used(5));
  EXPECT_FALSE(window.was_used(6));
  ASSERT_EQ(window.mark(16 * 2048 + 3), fresh);  // the same slot
  EXPECT_TRUE(window.was_used(6));
}

TEST(ReplayWindow, JumpsAhead) {
  ReplayWindow window;
  ASSERT_EQ(window.mark(0), fresh);
  EXPECT_EQ(window.mark(ReplayWindow::end_of_numbers - 1), fresh);
  EXPECT_EQ(window.mark(ReplayWindow::end_of_numbers - 1), stale);
  EXPECT_EQ(window.mark(ReplayWindow::end_of_numbers - 2), fresh);
}

TEST(ReplayWindow, RefusesNumbersBeyondTheEnd) {
  ReplayWindow window;

  EXPECT_EQ(window.mark(ReplayWindow::end_of_numbers), stale);
  EXPECT_EQ(window.mark(UINT64_MAX), stale);
}

TEST(ReplayWindow, SaysWhatNumbersThereCanBe) {
  constexpr std::uint64_t first = std::uint64_t{1} << 50U;
  ReplayWindow window(first);
  EXPECT_EQ(window.oldest(), first - ReplayWindow::span);
  EXPECT_EQ(window.farthest(), first + ReplayWindow::leap);

  ASSERT_EQ(window.mark(first + 1'000'000), fresh);

  EXPECT_EQ(window.oldest(), first + 1'000'000 - ReplayWindow::span);
  EXPECT_EQ(window.farthest(), first + 1'000'000 + ReplayWindow::leap);
}

TEST(ReplayWindow, AcceptsNoNumberOnTwoLanes) {
  ReplayWindow window;
  constexpr std::uint64_t count = 200'000;
  std::array<std::vector<bool>, 2> passed;
  const auto receive = [&window](std::vector<bool>& into) {
    for (std::uint64_t sequence = 0; sequence < count; ++sequence) {
      into.push_back(window.mark(sequence) == fresh);
    }
  };

  std::thread other([&] { receive(passed[1]); });
  receive(passed[0]);
  other.join();

  for (std::uint64_t sequence = 0; sequence < count; ++sequence) {
    ASSERT_FALSE(passed[0][sequence] && passed[1][sequence]) << sequence;
  }
}

}  // namespace
}  // namespace weft::sleeve
