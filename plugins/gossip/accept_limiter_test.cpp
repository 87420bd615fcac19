/// What keeps one source from costing others their turn.

#include "gossip/accept_limiter.hpp"

#include <gtest/gtest.h>

#include "gossip/log_limiter.hpp"

namespace weft::gossip {
namespace {

using namespace std::chrono_literals;

net::IpAddress v4(std::uint32_t number) {
  return net::IpAddress::v4(0x0A000000U + number);
}

TEST(TokenBucket, LetsABurstThroughAndThenASteadyRate) {
  TimePoint now{1h};
  TokenBucket bucket(20, 50ms, now);
  int burst = 0;
  while (bucket.try_take(now)) {
    ++burst;
  }
  EXPECT_EQ(burst, 20);
  EXPECT_FALSE(bucket.try_take(now + 49ms));
  EXPECT_TRUE(bucket.try_take(now + 50ms));
  EXPECT_FALSE(bucket.try_take(now + 50ms));
  EXPECT_FALSE(bucket.is_full(now + 1s));
  EXPECT_TRUE(bucket.is_full(now + 2s));
}

TEST(AcceptLimiter, ASourceThatConnectsWithoutEndKeepsOnlyItselfOut) {
  const TimePoint now{1h};
  AcceptLimiter limiter(now);
  int admitted = 0;
  for (int i = 0; i < 1000; ++i) {
    admitted += limiter.admit(v4(1), false, now) ? 1 : 0;
  }

  EXPECT_EQ(admitted, AcceptLimiter::source_burst);
  EXPECT_TRUE(limiter.admit(v4(2), false, now));
}

TEST(AcceptLimiter, KnownPeersDoNotWaitForStrangers) {
  const TimePoint now{1h};
  AcceptLimiter limiter(now);
  for (std::uint32_t i = 0; i < 300; ++i) {
    (void)limiter.admit(v4(i), false, now);
  }

  EXPECT_FALSE(limiter.admit(v4(500), false, now));
  EXPECT_TRUE(limiter.admit(v4(500), true, now));
  EXPECT_TRUE(limiter.admit(v4(501), false, now + AcceptLimiter::strangers_period));
}

TEST(AcceptLimiter, RemembersALimitedNumberOfSources) {
  TimePoint now{1h};
  AcceptLimiter limiter(now);
  for (std::uint32_t i = 0; i < AcceptLimiter::max_sources; ++i) {
    EXPECT_TRUE(limiter.admit(v4(i), true, now));
  }
  int others = 0;
  for (std::uint32_t i = 0; i < 100; ++i) {
    others += limiter.admit(v4(5000 + i), true, now) ? 1 : 0;
  }
  EXPECT_EQ(others, AcceptLimiter::source_burst);  // they share one bucket

  now += 2s;
  EXPECT_TRUE(limiter.admit(v4(6000), true, now));
}

TEST(AcceptLimiter, TheAddressesOfOneIpv6SiteAreOneSource) {
  EXPECT_EQ(source_of(*net::parse_ip("fd00::1:2")), source_of(*net::parse_ip("fd00::9")));
  EXPECT_NE(source_of(*net::parse_ip("fd00:0:0:1::1")), source_of(*net::parse_ip("fd00::1")));
  EXPECT_NE(source_of(v4(1)), source_of(v4(2)));
}

TEST(LogLimiter, SaysHowManyLinesWereLeftOut) {
  TimePoint now{1h};
  LogLimiter limiter(now);
  int written = 0;
  for (int i = 0; i < 100; ++i) {
    written += limiter.admit(now) ? 1 : 0;
  }

  EXPECT_EQ(written, LogLimiter::burst);
  now += LogLimiter::period;
  EXPECT_EQ(limiter.admit(now), 90U);
  now += LogLimiter::period;
  EXPECT_EQ(limiter.admit(now), 0U);
}

}  // namespace
}  // namespace weft::gossip
