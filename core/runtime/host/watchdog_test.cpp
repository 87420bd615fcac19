/// When a loop counts as late, dead and recovered, in virtual time.

#include "runtime/host/watchdog.hpp"

#include <gtest/gtest.h>

namespace weft::host {
namespace {

using namespace std::chrono_literals;
using Verdict = Heartbeat::Verdict;

/// Keeps what is posted until the test lets it run.
class StuckLoop final : public Loop {
 public:
  void post(Task task) noexcept override { tasks.push_back(std::move(task)); }
  Timer after(Duration, Task) override { return {}; }
  Timer every(Duration, Task) override { return {}; }
  bool is_current() const noexcept override { return true; }
  TimePoint now() const noexcept override { return {}; }
  WallTime wall_now() const noexcept override { return {}; }
  std::uint64_t random() noexcept override { return 0; }
  void random_bytes(std::span<std::byte>) noexcept override {}
  void blocking(Task, Task) override {}
  Result<FdWatch> watch(int, FdEvents, UniqueFunction<void(FdEvents)>) override {
    return fail(Errc::unsupported, "watch a descriptor");
  }

  void run() {
    for (Task& task : std::exchange(tasks, {})) {
      task();
    }
  }

  std::vector<Task> tasks;
};

TEST(Heartbeat, IsFineWhileTheLoopAnswersInTime) {
  StuckLoop loop;
  Heartbeat heartbeat;

  for (int second = 0; second < 60; ++second) {
    EXPECT_EQ(heartbeat.check(loop, TimePoint{second * 1s}), Verdict::fine);
    loop.run();
  }
}

TEST(Heartbeat, WarnsOnceAfterFiveSecondsAndIsDeadAfterThirty) {
  StuckLoop loop;
  Heartbeat heartbeat;
  std::map<Verdict, int> verdicts;

  for (int second = 0; second < 30; ++second) {
    ++verdicts[heartbeat.check(loop, TimePoint{second * 1s})];
  }

  EXPECT_EQ(verdicts[Verdict::fine], 5);
  EXPECT_EQ(verdicts[Verdict::late], 1);
  EXPECT_EQ(verdicts[Verdict::still_late], 24);
  EXPECT_EQ(heartbeat.check(loop, TimePoint{30s}), Verdict::dead);
  EXPECT_EQ(loop.tasks.size(), 1u);
}

TEST(Heartbeat, SaysWhenTheLoopRunsAgain) {
  StuckLoop loop;
  Heartbeat heartbeat;
  static_cast<void>(heartbeat.check(loop, TimePoint{0s}));
  ASSERT_EQ(heartbeat.check(loop, TimePoint{6s}), Verdict::late);
  EXPECT_EQ(heartbeat.lateness(TimePoint{6s}), 6s);

  loop.run();

  EXPECT_EQ(heartbeat.check(loop, TimePoint{7s}), Verdict::recovered);
  loop.run();
  EXPECT_EQ(heartbeat.check(loop, TimePoint{8s}), Verdict::fine);
}

}  // namespace
}  // namespace weft::host
