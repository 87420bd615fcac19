/// Adding and removing tasks, waiting for lanes, and dropping what they let go of.

#include "runtime/lanes/lane_set.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace weft {
namespace {

/// Turns are short: wait without sleeping first, then without burning a processor.
constexpr unsigned yields_before_sleep = 64;
constexpr std::chrono::microseconds wait_step{50};

class TaskNode final : public LaneRegistration::Node {
 public:
  TaskNode(LaneSet& lanes, LaneWorker& worker, LaneTask& task, std::vector<int> wake_fds)
      : lanes_(lanes), worker_(worker), task_(task), wake_fds_(std::move(wake_fds)) {}
  ~TaskNode() override {
    const auto previous = worker_.remove(task_, wake_fds_);
    lanes_.synchronize();
  }

 private:
  LaneSet& lanes_;
  LaneWorker& worker_;
  LaneTask& task_;
  std::vector<int> wake_fds_;
};

}  // namespace

LaneSet::LaneSet(unsigned count, BlockingPool& pool) : pool_(pool) {
  WEFT_CHECK(count >= 1 && count <= max_lanes, "a node has 1 to max_lanes lanes");
  for (unsigned index = 0; index < count; ++index) {
    workers_.push_back(std::make_unique<LaneWorker>(index, epoch_));
  }
}

LaneSet::~LaneSet() {
  stop();
  drain_retired();
}

unsigned LaneSet::default_count(unsigned processors) noexcept {
  return processors <= 2 ? 1 : std::min(processors / 2, max_lanes);
}

Result<> LaneSet::start() {
  for (const auto& worker : workers_) {
    WEFT_TRY(worker->start());
  }
  return {};
}

void LaneSet::stop() noexcept {
  for (const auto& worker : workers_) {
    worker->stop();
  }
}

unsigned LaneSet::count() const noexcept {
  return static_cast<unsigned>(workers_.size());
}

LaneRegistration LaneSet::add(unsigned lane, LaneTask& task, std::vector<int> wake_fds) {
  WEFT_CHECK(lane < count(), "a lane's index is below count()");
  LaneWorker& worker = *workers_[lane];
  const auto previous = worker.add(task, wake_fds);
  auto node = std::make_unique<TaskNode>(*this, worker, task, std::move(wake_fds));
  synchronize();
  return LaneRegistration{std::move(node)};
}

void LaneSet::synchronize() noexcept {
  WEFT_CHECK(!LaneWorker::is_on_lane(), "lanes are waited for by control code only");
  const std::uint64_t number = epoch_.advance();
  for (const auto& worker : workers_) {
    for (unsigned round = 0; !worker->reader().has_passed(number); ++round) {
      if (round < yields_before_sleep) {
        std::this_thread::yield();
      } else {
        std::this_thread::sleep_for(wait_step);
      }
    }
  }
}

void LaneSet::retire(std::shared_ptr<const void> object) noexcept {
  if (!object) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    retired_.push_back(std::move(object));
    if (std::exchange(is_dropping_, true)) {
      return;
    }
  }
  pool_.submit([this] { drop_retired(); });
}

void LaneSet::drop_retired() noexcept {
  std::unique_lock lock(mutex_);
  while (!retired_.empty()) {
    auto objects = std::exchange(retired_, {});
    lock.unlock();
    synchronize();
    objects.clear();  // may retire more
    lock.lock();
  }
  is_dropping_ = false;
  all_dropped_.notify_all();
}

void LaneSet::drain_retired() noexcept {
  std::unique_lock lock(mutex_);
  all_dropped_.wait(lock, [this] { return !is_dropping_; });
}

std::vector<LaneStatistics> LaneSet::statistics() const {
  std::vector<LaneStatistics> result;
  for (const auto& worker : workers_) {
    result.push_back(worker->statistics());
  }
  return result;
}

}  // namespace weft
