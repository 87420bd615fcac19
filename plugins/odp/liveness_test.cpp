/// Heartbeats and silence, step by step.
#include "liveness.hpp"

#include <gtest/gtest.h>

namespace weft::odp {
namespace {

using namespace std::chrono_literals;

const TimePoint start{1h};

bool is_healthy_at(Liveness& liveness, TimePoint now) {
  static_cast<void>(liveness.on_timer(now));
  return liveness.is_healthy();
}

TEST(Liveness, BeatsFastUntilAcknowledgedThenSlowTowardsOriginals) {
  Liveness liveness(0ms, 0ms);
  EXPECT_TRUE(liveness.confirm(start).send_heartbeat);
  EXPECT_EQ(*liveness.next_deadline(), start + 500ms);
  EXPECT_TRUE(liveness.on_timer(start + 500ms).send_heartbeat);

  EXPECT_TRUE(liveness.acknowledged(start + 600ms).is_established);
  EXPECT_FALSE(liveness.acknowledged(start + 700ms).is_established);
  EXPECT_EQ(*liveness.next_deadline(), start + 600ms + 10s);
}

TEST(Liveness, AcknowledgesTheFirstHeartbeatOnly) {
  Liveness liveness(0ms, 0ms);
  EXPECT_FALSE(liveness.heard(start).send_ack);  // not confirmed: a later one will do
  static_cast<void>(liveness.confirm(start));
  EXPECT_TRUE(liveness.heard(start).send_ack);
  EXPECT_FALSE(liveness.heard(start + 1s).send_ack);
}

TEST(Liveness, IsUnhealthyAfterAMinuteOfSilenceAndHealthyWithTheNextHeartbeat) {
  Liveness liveness(0ms, 0ms);
  static_cast<void>(liveness.confirm(start));
  static_cast<void>(liveness.heard(start));
  EXPECT_TRUE(is_healthy_at(liveness, start + 59s));
  EXPECT_FALSE(is_healthy_at(liveness, start + 60s));
  EXPECT_FALSE(is_healthy_at(liveness, start + 90s));
  static_cast<void>(liveness.heard(start + 91s));
  EXPECT_TRUE(liveness.is_healthy());
}

TEST(Liveness, NoticesAWeftPeersSilenceInTheAgreedTimeAndKeepsBeating) {
  Liveness liveness(100ms, 700ms);
  static_cast<void>(liveness.confirm(start));
  static_cast<void>(liveness.heard(start));
  static_cast<void>(liveness.acknowledged(start));
  EXPECT_FALSE(is_healthy_at(liveness, start + 700ms));
  EXPECT_TRUE(liveness.on_timer(start + 800ms).send_heartbeat);
}

TEST(Liveness, TellsAWeftPeerAtOnceThatItIsNotHeard) {
  Liveness liveness(100ms, 700ms);
  static_cast<void>(liveness.confirm(start));
  static_cast<void>(liveness.heard(start + 50ms));
  EXPECT_TRUE(liveness.on_timer(start + 700ms).send_heartbeat);
  EXPECT_TRUE(liveness.on_timer(start + 750ms).send_heartbeat);
  EXPECT_FALSE(liveness.on_timer(start + 760ms).send_heartbeat);
}

TEST(Liveness, GivesAWeftPeerTimeToConfirm) {
  Liveness liveness(100ms, 700ms);
  static_cast<void>(liveness.confirm(start));
  EXPECT_TRUE(is_healthy_at(liveness, start + 5s));
}

TEST(Liveness, IsFreshUntilAnAgreedHeartbeatIsMissing) {
  Liveness liveness(100ms, 700ms);
  static_cast<void>(liveness.confirm(start));
  static_cast<void>(liveness.heard(start));
  EXPECT_FALSE(liveness.is_fresh(start));
  static_cast<void>(liveness.acknowledged(start));
  EXPECT_TRUE(liveness.is_fresh(start + 199ms));
  EXPECT_FALSE(liveness.is_fresh(start + 200ms));

  Liveness original(0ms, 0ms);
  static_cast<void>(original.confirm(start));
  static_cast<void>(original.heard(start));
  static_cast<void>(original.acknowledged(start));
  EXPECT_FALSE(original.is_fresh(start));
}

TEST(Liveness, DoesNotBlameThePeerForItsOwnStall) {
  Liveness liveness(100ms, 700ms);
  static_cast<void>(liveness.confirm(start));
  static_cast<void>(liveness.heard(start));
  EXPECT_TRUE(is_healthy_at(liveness, start + 20s));
  EXPECT_FALSE(is_healthy_at(liveness, start + 20s + 700ms));
}

}  // namespace
}  // namespace weft::odp
