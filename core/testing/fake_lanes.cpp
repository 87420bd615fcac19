/// A lane whose poll cycles a test runs.

#include <weft/testing/fake_lanes.hpp>

namespace weft::testing {

class FakeLanes::FakeLane final : public Lane {
 public:
  explicit FakeLane(std::function<TimePoint()> clock) : Lane(0), clock_(std::move(clock)) {
    update_time();
  }

  void begin_cycle() {
    buffers_.clear();
    now_ += std::chrono::microseconds{10};
    update_time();
  }
  void update_time() {
    if (clock_) {
      now_ = clock_();
    }
  }

  [[nodiscard]] Frame scratch(std::uint32_t bytes) noexcept override {
    buffers_.emplace_back(frame_headroom + bytes);
    return {buffers_.back().data() + frame_headroom, bytes, frame_headroom, {}};
  }

 private:
  std::function<TimePoint()> clock_;
  std::vector<Bytes> buffers_;
};

namespace {

class TaskNode final : public LaneRegistration::Node {
 public:
  TaskNode(std::shared_ptr<std::vector<LaneTask*>> tasks, LaneTask& task)
      : tasks_(std::move(tasks)), task_(task) {}
  ~TaskNode() override { std::erase(*tasks_, &task_); }

 private:
  std::shared_ptr<std::vector<LaneTask*>> tasks_;
  LaneTask& task_;
};

}  // namespace

FakeLanes::FakeLanes(std::function<TimePoint()> clock)
    : lane_(std::make_unique<FakeLane>(std::move(clock))),
      tasks_(std::make_shared<std::vector<LaneTask*>>()) {}
FakeLanes::~FakeLanes() = default;

Lane& FakeLanes::lane() noexcept {
  lane_->update_time();
  return *lane_;
}

unsigned FakeLanes::cycle(unsigned budget) {
  lane_->begin_cycle();
  unsigned handled = 0;
  for (LaneTask* const task : *tasks_) {
    handled += task->poll(*lane_, budget);
  }
  for (LaneTask* const task : *tasks_) {
    task->flush(*lane_);
  }
  return handled;
}

void FakeLanes::cycle_until_idle() {
  while (cycle() > 0) {
  }
}

LaneRegistration FakeLanes::add(unsigned lane, LaneTask& task, std::vector<int> /*wake_fds*/) {
  WEFT_CHECK(lane < count(), "a lane's index is below count()");
  tasks_->push_back(&task);
  return LaneRegistration{std::make_unique<TaskNode>(tasks_, task)};
}

}  // namespace weft::testing
