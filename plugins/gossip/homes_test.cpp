/// Whose a name is when two machines have had it.

#include <gtest/gtest.h>

#include "gossip/homes.hpp"

namespace weft::gossip {
namespace {

using namespace std::chrono_literals;

constexpr PeerName name{7};
constexpr TimePoint start{1000h};

net::IpAddress host(std::uint32_t number) {
  return net::IpAddress::v4(0x0A000000 + number);
}

TEST(Homes, WhoHadTheNameFirstGetsItBackAndNobodyElseMeanwhile) {
  Homes homes;
  homes.settle(name, host(2), "node2", start);
  homes.left(name, host(2), start + 1h);
  homes.settle(name, host(3), "node3", start + 2h);

  EXPECT_FALSE(homes.claim_back(name, host(3), host(2), start + 3h));
  EXPECT_EQ(homes.kept_from(name, host(3), start + 3h), nullptr);
  ASSERT_TRUE(homes.claim_back(name, host(2), host(3), start + 3h));

  const auto* const home = homes.kept_from(name, host(3), start + 3h);
  ASSERT_NE(home, nullptr);
  EXPECT_EQ(home->address, host(2));
  EXPECT_EQ(home->nickname, "node2");
  EXPECT_EQ(homes.kept_from(name, host(2), start + 3h), nullptr);
  EXPECT_EQ(homes.kept_from(name, host(3), start + 3h + Homes::kept_for), nullptr);
}

TEST(Homes, APeerThatRestartedAtItsAddressHasNothingToClaim) {
  Homes homes;
  homes.settle(name, host(2), "node2", start);

  EXPECT_FALSE(homes.claim_back(name, host(2), host(2), start + 1s));
}

TEST(Homes, ACopyThatWaitsDoesNotGetTheNameWhileTheFirstRestarts) {
  Homes homes;
  homes.settle(name, host(2), "node2", start);
  homes.contest(name, host(3), host(2), start + 1h);
  EXPECT_EQ(homes.kept_from(name, host(3), start + 1h), nullptr) << "the first may have moved";
  homes.contest(name, host(3), host(2), start + 1h + Homes::contested_after);
  homes.settle(name, host(2), "node2", start + 1h + Homes::contested_after);

  const TimePoint refused = start + 1h + Homes::contested_after;
  EXPECT_NE(homes.kept_from(name, host(3), refused + 9min), nullptr);
  EXPECT_EQ(homes.kept_from(name, host(2), refused + 9min), nullptr);
  EXPECT_EQ(homes.kept_from(name, host(3), refused + Homes::kept_from_copies), nullptr)
      << "the first may be gone for good";
}

TEST(Homes, RefusalsThatAreFarApartAreNoCopyThatWaits) {
  Homes homes;
  homes.settle(name, host(2), "node2", start);
  for (int i = 1; i <= 3; ++i) {
    homes.contest(name, host(3), host(2), start + i * Homes::kept_from_copies);
    EXPECT_EQ(homes.kept_from(name, host(3), start + i * Homes::kept_from_copies), nullptr);
  }
}

TEST(Homes, WhoCameFirstGetsItsNameBackFromWhoHasNotProvenItEither) {
  Homes homes;
  homes.meet(name, host(2), "node2", start);
  homes.left(name, host(2), start + 30s);
  homes.meet(name, host(3), "node3", start + 31s);

  EXPECT_FALSE(homes.claim_back(name, host(3), host(2), start + 40s));
  EXPECT_TRUE(homes.claim_back(name, host(2), host(3), start + 40s));
  EXPECT_NE(homes.kept_from(name, host(3), start + 40s), nullptr);
  EXPECT_TRUE(homes.save(start + 40s, WallTime{}).empty()) << "of the moment only";
}

TEST(Homes, WhoCameFirstAndWasAwayForAMinuteDoesNot) {
  Homes homes;
  homes.meet(name, host(2), "node2", start);
  homes.left(name, host(2), start + 30s);

  EXPECT_FALSE(homes.claim_back(name, host(2), host(3), start + 91s));
  homes.meet(name, host(3), "node3", start + 91s);
  EXPECT_FALSE(homes.claim_back(name, host(2), host(3), start + 92s));
  EXPECT_TRUE(homes.claim_back(name, host(3), host(4), start + 92s));

  homes.settle(name, host(4), "node4", start + 100s);
  EXPECT_FALSE(homes.claim_back(name, host(3), host(4), start + 101s));
  homes.meet(name, host(5), "node5", start + 10h);
  EXPECT_TRUE(homes.claim_back(name, host(4), host(5), start + 10h));
}

TEST(Homes, WhoMayHaveANameForAMomentTakesNoPlaceOfThoseWhoHaveOne) {
  Homes homes;
  for (std::uint64_t i = 1; i <= Homes::max_entries; ++i) {
    homes.meet(PeerName{i}, host(2), "", start);
  }
  const PeerName real{Homes::max_entries + 1};
  homes.settle(real, host(4), "", start + 1s);
  EXPECT_TRUE(homes.claim_back(real, host(4), host(5), start + 2s));
}

TEST(Homes, WhoWasAwayForADayHasBeenReplaced) {
  Homes homes;
  homes.settle(name, host(2), "node2", start);

  EXPECT_FALSE(homes.claim_back(name, host(2), host(3), start + Homes::forgotten_after));
  homes.settle(name, host(3), "node3", start + Homes::forgotten_after);
  EXPECT_TRUE(homes.claim_back(name, host(3), host(2), start + Homes::forgotten_after + 1h));
}

TEST(Homes, SurvivesARestartAfterWhichNamesAreKeptForTheirHomes) {
  const WallTime noon{std::chrono::seconds{1'800'000'000}};
  Homes before;
  before.settle(name, host(2), "node 2", start);
  before.settle(PeerName{8}, host(8), "two\nlines", start);
  before.left(name, host(2), start + 1h);
  const TimePoint reboot{3h};  // another monotonic clock

  Homes after;
  after.load(before.save(start + 2h, noon), reboot, noon + 1h);

  const auto* const home = after.kept_from(name, host(3), reboot);
  ASSERT_NE(home, nullptr);
  EXPECT_EQ(home->nickname, "node 2");
  EXPECT_EQ(home->last, reboot - 2h);
  EXPECT_EQ(after.kept_from(name, host(2), reboot), nullptr);
  EXPECT_NE(after.kept_from(PeerName{8}, host(9), reboot), nullptr);
  EXPECT_EQ(after.kept_from(name, host(3), reboot + Homes::kept_for), nullptr);
  EXPECT_TRUE(after.claim_back(name, host(2), host(3), reboot + 2min));
}

TEST(Homes, WhatIsLoadedCountsMoreThanWhoCameBeforeItWas) {
  const WallTime noon{std::chrono::seconds{1'800'000'000}};
  Homes before;
  before.settle(name, host(2), "node2", start);

  Homes after;
  after.meet(name, host(3), "node3", start);
  after.load(before.save(start, noon), start, noon + 1h);

  EXPECT_NE(after.kept_from(name, host(3), start), nullptr);
}

TEST(Homes, LoadsNothingOfWhatIsForgottenOrUnreadable) {
  const WallTime noon{std::chrono::seconds{1'800'000'000}};
  Homes before;
  before.settle(name, host(2), "node2", start);

  Homes after;
  after.load(before.save(start, noon), start, noon + Homes::forgotten_after);
  after.load("nonsense\n02:00:00:00:00:07 x 1 n\n02:00:00:00:00:07 10.0.0.1\n\n", start, noon);

  EXPECT_TRUE(after.save(start, noon).empty());
}

TEST(Homes, TakesNoMoreMemoryThanItsLimit) {
  Homes homes;
  for (std::uint64_t i = 1; i <= Homes::max_entries; ++i) {
    homes.settle(PeerName{i}, host(2), "", start);
  }
  const PeerName beyond{Homes::max_entries + 1};
  homes.settle(beyond, host(4), "", start);
  EXPECT_FALSE(homes.claim_back(beyond, host(4), host(5), start));
  homes.settle(beyond, host(4), "", start + Homes::forgotten_after);
  EXPECT_TRUE(homes.claim_back(beyond, host(4), host(5), start + Homes::forgotten_after));
}

}  // namespace
}  // namespace weft::gossip
