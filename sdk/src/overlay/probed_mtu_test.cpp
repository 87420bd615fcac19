/// The search against paths of every size, and what makes it begin again.

#include <weft/overlay/probed_mtu.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace weft::overlay {
namespace {

using namespace std::chrono_literals;

/// A path that carries `carries`, over a route that fits `limit`, and a peer that answers at once.
class Path {
 public:
  void follow(const ProbedMtu::Wishes& wishes) {
    verified += wishes.is_verified ? 1 : 0;
    narrower += wishes.is_narrower ? 1 : 0;
    for (const std::uint32_t mtu : wishes.tests) {
      tests.push_back(mtu);
      if (mtu <= carries) {
        follow(search.on_answer(mtu, now));
      }
    }
    if (wishes.query_route) {
      follow(search.on_route(limit, std::min(reported, limit), now));
    }
  }
  void advance(Duration by) {
    const TimePoint end = now + by;
    while (search.next_deadline() && *search.next_deadline() <= end) {
      now = std::max(now, *search.next_deadline());
      follow(search.on_timer(now));
    }
    now = end;
  }

  std::uint32_t limit = 1438;
  std::uint32_t reported = UINT32_MAX;
  std::uint32_t carries = 65535;
  ProbedMtu search;
  TimePoint now{1h};
  std::vector<std::uint32_t> tests;
  int verified = 0;
  int narrower = 0;
};

TEST(ProbedMtu, IsWhatFitsTheRouteUntilTestsCanBeAnswered) {
  Path path;
  path.follow(path.search.on_moved());
  EXPECT_EQ(path.search.mtu(), 1438U);
  EXPECT_TRUE(path.tests.empty());

  path.follow(path.search.begin());
  EXPECT_EQ(path.tests, std::vector<std::uint32_t>{1438});
  EXPECT_EQ(path.verified, 1);
  EXPECT_FALSE(path.search.is_searching());
}

TEST(ProbedMtu, IsFoundWhateverThePathCarries) {
  for (std::uint32_t carries = ProbedMtu::minimum; carries <= 1438; carries += 37) {
    Path path;
    path.carries = carries;
    path.follow(path.search.begin());
    path.advance(60s);
    EXPECT_EQ(path.search.mtu(), carries);
  }
}

TEST(ProbedMtu, IsFoundSoonWhereAReportTellsTheTruth) {
  Path path;
  path.carries = 1111;
  path.reported = 1111;
  path.follow(path.search.begin());
  path.advance(6s);
  EXPECT_EQ(path.search.mtu(), 1111U);
}

TEST(ProbedMtu, IsNotLoweredByReportsAlone) {
  Path path;
  path.follow(path.search.begin());
  path.tests.clear();
  for (int i = 0; i < 100; ++i) {
    path.follow(path.search.on_report(552, path.now));
    path.advance(10ms);
    EXPECT_EQ(path.search.mtu(), 1438U);
  }
  EXPECT_FALSE(path.tests.empty());
  EXPECT_EQ(path.narrower, 0);
}

TEST(ProbedMtu, FallsWhenTestsNoLongerPassAndRisesAgain) {
  Path path;
  path.follow(path.search.begin());
  path.carries = 1200;
  path.follow(path.search.on_report(1200, path.now));
  path.advance(10s);
  EXPECT_EQ(path.search.mtu(), 1200U);
  EXPECT_EQ(path.narrower, 1);

  path.carries = 65535;
  path.advance(11min);
  EXPECT_EQ(path.search.mtu(), 1438U);
}

TEST(ProbedMtu, FollowsTheInterfaceDownAtOnce) {
  Path path;
  path.follow(path.search.begin());
  path.limit = 1338;
  path.follow(path.search.on_refused());
  EXPECT_EQ(path.search.mtu(), 1338U);
}

TEST(ProbedMtu, IgnoresAnswersThatCannotBe) {
  Path path;
  path.follow(path.search.begin());
  path.follow(path.search.on_answer(9000, path.now));
  path.follow(path.search.on_answer(20, path.now));
  EXPECT_EQ(path.search.mtu(), 1438U);
}

TEST(ProbedMtu, AsksForTheRouteAgainThatTheKernelDidNotTell) {
  Path path;
  EXPECT_TRUE(path.search.begin().query_route);
  path.search.on_no_route(path.now);
  path.advance(10s);
  EXPECT_EQ(path.search.mtu(), 1438U);
  EXPECT_EQ(path.verified, 1);
}

TEST(ProbedMtu, IsQuietAfterItsEnd) {
  Path path;
  path.follow(path.search.begin());
  path.search.end();
  EXPECT_FALSE(path.search.next_deadline());
  path.search.on_no_route(path.now);
  EXPECT_FALSE(path.search.next_deadline());
}

}  // namespace
}  // namespace weft::overlay
