/// Lanes as control code and tasks see them.

#include "lanes/lane_set.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <future>

#include <gtest/gtest.h>

namespace weft {
namespace {

/// Handles one frame per count of its eventfd.
class CountingTask final : public LaneTask {
 public:
  CountingTask() : fd_(eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE | EFD_CLOEXEC)) {}
  ~CountingTask() { ::close(fd_); }

  [[nodiscard]] int fd() const noexcept { return fd_; }
  void ring(std::uint64_t times = 1) { eventfd_write(fd_, times); }
  void wait_for(unsigned handled) const {
    for (unsigned now = handled_; now < handled; now = handled_) {
      handled_.wait(now);
    }
  }

  unsigned poll(Lane& lane, unsigned budget) noexcept override {
    was_on_lane = LaneWorker::is_on_lane() && lane.index() == 0;
    unsigned frames = 0;
    for (eventfd_t ignored = 0; frames < budget && eventfd_read(fd_, &ignored) == 0; ++frames) {
      last_ = lane.scratch(1500);
    }
    polled_ = frames;
    return frames;
  }

  void flush(Lane& /*lane*/) noexcept override {
    flushed_frames_are_valid = polled_ == 0 || last_.data != nullptr;
    if (polled_ > 0) {
      handled_.fetch_add(polled_);
      handled_.notify_all();
    }
  }

  std::atomic<bool> was_on_lane{false};
  std::atomic<bool> flushed_frames_are_valid{false};

 private:
  int fd_;
  unsigned polled_ = 0;
  Frame last_;
  std::atomic<unsigned> handled_{0};
};

class LaneSetTest : public ::testing::Test {
 protected:
  LaneSetTest() { EXPECT_TRUE(lanes_.start()); }

  BlockingPool pool_;
  LaneSet lanes_{1, pool_};
};

TEST_F(LaneSetTest, WakesForATasksDescriptorAndFlushesAfterPolling) {
  CountingTask task;
  const LaneRegistration registration = lanes_.add(0, task, {task.fd()});

  task.ring(200);
  task.wait_for(200);

  EXPECT_TRUE(task.was_on_lane);
  EXPECT_TRUE(task.flushed_frames_are_valid);
  lanes_.synchronize();  // the turn has been counted
  const LaneStatistics lane = lanes_.statistics().at(0);
  EXPECT_EQ(lane.tasks, 1u);
  EXPECT_GE(lane.frames, 200u);
  EXPECT_GE(lane.batches, 200 / max_batch + 1);
  EXPECT_GE(lane.polls, lane.batches);
  EXPECT_GT(lane.running, lane.cpu_time);
}

TEST_F(LaneSetTest, NeverCallsATaskAfterItWasRemoved) {
  for (int i = 0; i < 200; ++i) {
    auto task = std::make_unique<CountingTask>();
    LaneRegistration registration = lanes_.add(0, *task, {task->fd()});
    task->ring(3);
    if (i % 2 == 0) {
      task->wait_for(1);
    }
    registration = {};
    task.reset();  // ThreadSanitizer and AddressSanitizer watch this
  }

  EXPECT_EQ(lanes_.statistics().at(0).tasks, 0u);
}

TEST_F(LaneSetTest, SynchronizeReturnsWhileLanesSleep) {
  lanes_.synchronize();
  lanes_.stop();
  lanes_.synchronize();
}

TEST_F(LaneSetTest, DropsARetiredObjectOffTheLanes) {
  std::promise<std::thread::id> dropped;
  const auto on_drop = [&](const int* object) {
    delete object;
    dropped.set_value(std::this_thread::get_id());
  };

  lanes_.retire(std::shared_ptr<const int>(new int(1), on_drop));

  EXPECT_NE(dropped.get_future().get(), std::this_thread::get_id());
  lanes_.drain_retired();
}

/// Reads a published value over and over.
class ReadingTask final : public LaneTask {
 public:
  explicit ReadingTask(const LaneLocal<std::vector<int>>& values) : values_(values) {}

  unsigned poll(Lane& /*lane*/, unsigned /*budget*/) noexcept override {
    const std::vector<int>& now = values_.read();
    is_consistent = is_consistent && (now.empty() || now.front() == now.back());
    reads.fetch_add(1);
    return 1;
  }

  std::atomic<unsigned> reads{0};
  bool is_consistent = true;  // read after the task was removed

 private:
  const LaneLocal<std::vector<int>>& values_;
};

TEST_F(LaneSetTest, ReadersSeeWholeValuesWhileControlReplacesThem) {
  LaneLocal<std::vector<int>> values(lanes_);
  ReadingTask task(values);
  LaneRegistration registration = lanes_.add(0, task, {});

  for (int i = 0; i < 2000 || task.reads < 1000; ++i) {
    values.publish(std::make_shared<const std::vector<int>>(64, i));
  }
  registration = {};

  EXPECT_TRUE(task.is_consistent);
}

TEST(ScratchArena, HandsOutSeparateBuffersUntilTheyAreUsedUp) {
  ScratchArena arena;

  const Frame first = arena.take(1500);
  const Frame second = arena.take(1500);
  EXPECT_GE(second.data - first.data, 1500 + static_cast<std::ptrdiff_t>(frame_headroom));
  EXPECT_EQ(first.headroom, frame_headroom);
  EXPECT_EQ(first.length, 1500u);

  for (std::size_t i = 0; i < ScratchArena::large_count; ++i) {
    EXPECT_NE(arena.take(60'000).data, nullptr);
  }
  EXPECT_EQ(arena.take(60'000).data, nullptr);
  EXPECT_EQ(arena.take(100'000).data, nullptr);

  arena.reset();
  EXPECT_EQ(arena.take(1500).data, first.data);
}

TEST(LaneSet, UsesHalfOfTheProcessorsButAtLeastOneLane) {
  EXPECT_EQ(LaneSet::default_count(1), 1u);
  EXPECT_EQ(LaneSet::default_count(2), 1u);
  EXPECT_EQ(LaneSet::default_count(8), 4u);
  EXPECT_EQ(LaneSet::default_count(64), max_lanes);
}

}  // namespace
}  // namespace weft
