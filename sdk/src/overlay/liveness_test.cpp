/// Heartbeats, silence and stamps, step by step.

#include <weft/overlay/liveness.hpp>

#include <gtest/gtest.h>

#include <optional>

namespace weft::overlay {
namespace {

using namespace std::chrono_literals;

const TimePoint start{1h};
constexpr Pace pace{.probing = 50ms, .heartbeat = 200ms, .patience = 10s, .timeout = 700ms};

/// A loop that calls on_timer whenever it was asked to.
template <class L>
struct Clock {
  explicit Clock(const Pace& its_pace) : liveness(its_pace) { liveness.begin(now); }

  void run(Duration time) {
    const TimePoint end = now + time;
    while (liveness.next_deadline() && *liveness.next_deadline() <= end) {
      now = std::max(now, *liveness.next_deadline());
      note(liveness.on_timer(now));
    }
    now = end;
  }
  /// The loop does not run for that time, and then once.
  void stall(Duration time) {
    now += time;
    note(liveness.on_timer(now));
  }

  void note(const Liveness::Due& due) {
    heartbeats += due.heartbeat ? 1 : 0;
    silences += due.silence ? 1 : 0;
  }
  void note(const StampedLiveness::Due& due) {
    if (due.heartbeat) {
      ++heartbeats;
      last_stamp = liveness.stamp(now);
    }
    defect = defect ? defect : due.defect;
  }

  TimePoint now = start;
  L liveness;
  int heartbeats = 0;
  int silences = 0;
  std::uint64_t last_stamp = 0;
  std::optional<StampedLiveness::Defect> defect;
};

TEST(Pace, IsWhatThePeersAgreedOrElseTheOverlays) {
  EXPECT_EQ(agreed_pace(0ms, 0ms, pace).heartbeat, 200ms);
  const Pace agreed = agreed_pace(300ms, 900ms, pace);
  EXPECT_EQ(agreed.probing, 300ms);
  EXPECT_EQ(agreed.heartbeat, 300ms);
  EXPECT_EQ(agreed.timeout, 900ms);
  EXPECT_EQ(agreed.patience, 10s);
}

TEST(Liveness, BeatsOftenUntilAnsweredAndThenSlower) {
  Clock<Liveness> clock(pace);
  clock.run(1s);
  EXPECT_EQ(clock.heartbeats, 0) << "nobody asked for any";

  clock.liveness.beat(clock.now);
  clock.run(500ms);
  EXPECT_EQ(clock.heartbeats, 11);

  EXPECT_TRUE(clock.liveness.answered(clock.now));
  EXPECT_FALSE(clock.liveness.answered(clock.now));
  clock.heartbeats = 0;
  clock.run(1s);
  EXPECT_EQ(clock.heartbeats, 5);
}

TEST(Liveness, DoesNothingBeforeItBegan) {
  Liveness liveness(pace);
  liveness.beat(start);
  EXPECT_FALSE(liveness.heard(start));
  EXPECT_FALSE(liveness.answered(start));
  EXPECT_FALSE(liveness.next_deadline());
}

TEST(Liveness, GivesThePeerTimeForItsFirstSignOfLife) {
  Clock<Liveness> clock(pace);
  clock.run(9999ms);
  EXPECT_EQ(clock.silences, 0);
  clock.run(1ms);
  EXPECT_EQ(clock.silences, 1);
}

TEST(Liveness, NoticesSilenceOnceAndTheEndOfIt) {
  Clock<Liveness> clock(pace);
  EXPECT_TRUE(clock.liveness.heard(clock.now));
  clock.liveness.beat(clock.now);
  clock.run(699ms);
  EXPECT_FALSE(clock.liveness.is_silent());
  clock.run(1ms);
  EXPECT_TRUE(clock.liveness.is_silent());
  clock.run(5s);
  EXPECT_EQ(clock.silences, 1);
  EXPECT_GT(clock.heartbeats, 100) << "so that the peer is found again";

  EXPECT_FALSE(clock.liveness.heard(clock.now)) << "not the first time";
  EXPECT_FALSE(clock.liveness.is_silent());
  clock.run(700ms);
  EXPECT_EQ(clock.silences, 2);
}

TEST(Liveness, CountsOnlyTimeInWhichTheLoopRan) {
  Clock<Liveness> clock(pace);
  clock.liveness.heard(clock.now);
  clock.liveness.beat(clock.now);
  clock.run(600ms);

  clock.stall(20s);
  EXPECT_EQ(clock.silences, 0);
  clock.run(200ms);

  EXPECT_EQ(clock.silences, 1) << "silent for 700 ms, and then a heartbeat's interval";
}

TEST(Liveness, ReadsWhatArrivedDuringAStallThatEndsWithTheSilence) {
  Clock<Liveness> clock(pace);
  clock.liveness.heard(clock.now);
  clock.liveness.beat(clock.now);
  clock.run(50ms);

  clock.stall(670ms);
  EXPECT_EQ(clock.silences, 0);
  clock.liveness.heard(clock.now - 100ms);
  clock.run(500ms);

  EXPECT_EQ(clock.silences, 0);
}

TEST(Liveness, EndsAlsoWhenTheLoopIsAlwaysLate) {
  Clock<Liveness> clock(pace);
  clock.liveness.heard(clock.now);
  clock.liveness.beat(clock.now);
  for (int i = 0; i < 100 && clock.silences == 0; ++i) {
    clock.stall(clock.liveness.next_deadline().value() - clock.now + 300ms);
  }
  EXPECT_EQ(clock.silences, 1);
}

TEST(Liveness, IsFreshUntilAHeartbeatIsMissing) {
  Clock<Liveness> clock(pace);
  clock.liveness.heard(start);
  EXPECT_FALSE(clock.liveness.is_fresh(start));
  clock.liveness.answered(start);
  EXPECT_TRUE(clock.liveness.is_fresh(start + 399ms));
  EXPECT_FALSE(clock.liveness.is_fresh(start + 400ms));
}

TEST(Liveness, IsQuietAfterItsEnd) {
  Clock<Liveness> clock(pace);
  clock.liveness.beat(clock.now);
  clock.liveness.end();
  EXPECT_FALSE(clock.liveness.next_deadline());
}

TEST(StampedLiveness, IsEstablishedOnceAStampCameBack) {
  Clock<StampedLiveness> clock(pace);
  clock.liveness.beat(clock.now);
  clock.run(100ms);
  EXPECT_FALSE(clock.liveness.heard(clock.now, 0));
  EXPECT_TRUE(clock.liveness.heard(clock.now, clock.last_stamp));
  EXPECT_FALSE(clock.liveness.heard(clock.now, clock.last_stamp));
  EXPECT_TRUE(clock.liveness.is_established());
}

TEST(StampedLiveness, IgnoresStampsThatWereNotSent) {
  Clock<StampedLiveness> clock(pace);
  const auto now = static_cast<std::uint64_t>(start.time_since_epoch().count());
  EXPECT_FALSE(clock.liveness.heard(clock.now, now)) << "none was sent";
  clock.run(1ms);
  clock.liveness.beat(clock.now);
  clock.run(100ms);
  for (const std::uint64_t echo : {std::uint64_t{1}, now, clock.last_stamp + 1, UINT64_MAX}) {
    EXPECT_FALSE(clock.liveness.heard(clock.now, echo)) << echo;
  }
}

TEST(StampedLiveness, FailsWithoutAnAnswer) {
  Clock<StampedLiveness> clock(pace);
  clock.liveness.beat(clock.now);
  for (int i = 0; i < 99; ++i) {
    clock.run(100ms);
    clock.liveness.heard(clock.now, 0);
  }
  EXPECT_FALSE(clock.defect);
  clock.run(100ms);
  EXPECT_EQ(clock.defect, StampedLiveness::Defect::unanswered);
}

TEST(StampedLiveness, TellsAPeerThatIsSilentFromOneThatHearsNothing) {
  Clock<StampedLiveness> silent(pace);
  silent.liveness.beat(silent.now);
  silent.run(100ms);
  silent.liveness.heard(silent.now, silent.last_stamp);
  silent.run(700ms);
  EXPECT_EQ(silent.defect, StampedLiveness::Defect::silent);

  Clock<StampedLiveness> deaf(pace);
  deaf.liveness.beat(deaf.now);
  deaf.run(100ms);
  const std::uint64_t last_heard = deaf.last_stamp;
  for (int i = 0; i < 11; ++i) {
    deaf.liveness.heard(deaf.now, last_heard);
    EXPECT_FALSE(deaf.defect) << i;
    deaf.run(100ms);
  }
  EXPECT_EQ(deaf.defect, StampedLiveness::Defect::unheard) << "after the timeout and two intervals";
}

TEST(StampedLiveness, ExcusesThePeerForAStallOfThisLoop) {
  Clock<StampedLiveness> clock(pace);
  clock.liveness.beat(clock.now);
  clock.run(100ms);
  clock.liveness.heard(clock.now, clock.last_stamp);
  clock.run(100ms);

  clock.stall(20s);
  clock.run(199ms);
  clock.liveness.heard(clock.now, clock.last_stamp);
  clock.run(500ms);

  EXPECT_FALSE(clock.defect);
}

TEST(Pulse, KeepsWhatLanesHeardLast) {
  Pulse pulse;
  EXPECT_EQ(pulse.last_heard(), TimePoint{});
  pulse.heard(start);
  pulse.heard(Stamps{7, 9});
  EXPECT_EQ(pulse.last_heard(), start);
  EXPECT_EQ(pulse.stamps(), (Stamps{7, 9}));
}

}  // namespace
}  // namespace weft::overlay
