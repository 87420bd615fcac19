/// Lanes as control code and tasks see them.

#include "runtime/lanes/lane_set.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
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
  lanes_.synchronize();  // the poll cycle has been counted
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

TEST(ScratchArena, GivesBackWhatItTouched) {
  ScratchArena arena;
  const auto fill = [&arena] {
    std::byte* middle = nullptr;
    for (std::size_t i = 0; i < 1000; ++i) {
      const Frame frame = arena.take(1500);
      std::fill_n(frame.data, frame.length, std::byte{0xAA});
      middle = i == 500 ? frame.data : middle;
    }
    arena.reset();
    return middle;
  };
  EXPECT_FALSE(arena.holds_much());
  const std::byte* const middle = fill();
  EXPECT_TRUE(arena.holds_much());

  arena.release();

  EXPECT_FALSE(arena.holds_much());
  EXPECT_EQ(*middle, std::byte{0}) << "a page that the kernel took is zeros when it comes back";
  EXPECT_EQ(fill(), middle);
}

/// Touches so many buffers in each poll cycle that an idle lane gives them back.
class GreedyTask final : public LaneTask {
 public:
  unsigned poll(Lane& lane, unsigned /*budget*/) noexcept override {
    for (int i = 0; i < 1000; ++i) {
      const Frame frame = lane.scratch(1500);
      *frame.data = std::byte{0xAA};
      if (i == 500) {
        buffer.store(frame.data);
      }
    }
    buffer.notify_all();
    return 0;
  }

  std::atomic<std::byte*> buffer{nullptr};  ///< one between others
};

bool is_resident(std::byte* at) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  unsigned char resident = 0;
  ::mincore(reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(at) / page * page), 1,
            &resident);
  return (resident & 1U) != 0;
}

TEST_F(LaneSetTest, ALaneWithLittleToDoGivesItsScratchBack) {
  GreedyTask task;
  LaneRegistration registration = lanes_.add(0, task, {});
  task.buffer.wait(nullptr);
  registration = {};  // or the poll cycle that follows an idle time would touch it again
  CountingTask modest;
  const LaneRegistration other = lanes_.add(0, modest, {modest.fd()});

  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (is_resident(task.buffer.load()) && std::chrono::steady_clock::now() < deadline) {
    modest.ring();  // a lane with little to do is idle, too
    ::poll(nullptr, 0, 10);
  }
  EXPECT_FALSE(is_resident(task.buffer.load()));
}

TEST(LaneSet, UsesHalfOfTheProcessorsButAtLeastOneLane) {
  EXPECT_EQ(LaneSet::default_count(1), 1u);
  EXPECT_EQ(LaneSet::default_count(2), 1u);
  EXPECT_EQ(LaneSet::default_count(8), 4u);
  EXPECT_EQ(LaneSet::default_count(64), max_lanes);
}

}  // namespace
}  // namespace weft
