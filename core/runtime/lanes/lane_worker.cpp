/// The poll cycle of a lane: poll, flush, quiescent point, sleep when there is nothing to do.

#include "runtime/lanes/lane_worker.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/core.h>

namespace weft {
namespace {

/// A lane gives the memory of a busy poll cycle back when no other came for so long.
constexpr std::chrono::milliseconds scratch_kept{1000};

thread_local bool this_thread_is_lane = false;
thread_local bool this_thread_is_in_task = false;

void count(std::atomic<std::uint64_t>& counter, std::uint64_t n = 1) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

}  // namespace

LaneWorker::LaneWorker(unsigned index, const Epoch& epoch)
    : Lane(index), epoch_(epoch), owner_(std::make_unique<const Tasks>()) {
  tasks_.store(owner_.get(), std::memory_order_release);
}

LaneWorker::~LaneWorker() {
  stop();
  if (epoll_fd_ >= 0) {
    ::close(epoll_fd_);
  }
  if (wake_fd_ >= 0) {
    ::close(wake_fd_);
  }
}

Result<> LaneWorker::start() {
  WEFT_CHECK(!thread_.joinable(), "a lane is started once");
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (epoll_fd_ < 0 || wake_fd_ < 0) {
    return fail(errno, fmt::format("make the descriptors of lane {}", index_));
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_fd_;
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event) != 0) {
    return fail(errno, fmt::format("watch the wake-up of lane {}", index_));
  }
  const std::lock_guard lock(mutex_);
  started_ = std::chrono::steady_clock::now();
  thread_ = std::thread([this] { run(); });
  native_thread_ = thread_.native_handle();
  return {};
}

void LaneWorker::stop() noexcept {
  const std::lock_guard lock(mutex_);
  if (thread_.joinable()) {
    is_stopping_.store(true, std::memory_order_release);
    wake();
    thread_.join();
  }
}

std::unique_ptr<const LaneWorker::Tasks> LaneWorker::add(LaneTask& task,
                                                         const std::vector<int>& wake_fds) {
  const std::lock_guard lock(mutex_);
  for (const int fd : wake_fds) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    WEFT_CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0,
               "a lane's wake descriptor is open, pollable and registered once");
  }
  Tasks next = *owner_;
  next.push_back(&task);
  auto previous = replace(std::move(next));
  wake();
  return previous;
}

std::unique_ptr<const LaneWorker::Tasks> LaneWorker::remove(LaneTask& task,
                                                            const std::vector<int>& wake_fds) {
  const std::lock_guard lock(mutex_);
  Tasks next = *owner_;
  std::erase(next, &task);
  auto previous = replace(std::move(next));
  for (const int fd : wake_fds) {
    epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);  // fails when the task closed it first
  }
  return previous;
}

std::unique_ptr<const LaneWorker::Tasks> LaneWorker::replace(Tasks next) {
  auto owner = std::make_unique<const Tasks>(std::move(next));
  tasks_.store(owner.get(), std::memory_order_release);
  return std::exchange(owner_, std::move(owner));
}

LaneStatistics LaneWorker::statistics() const {
  const std::lock_guard lock(mutex_);
  return {index_,
          owner_->size(),
          counts_.cycles.load(std::memory_order_relaxed),
          counts_.polls.load(std::memory_order_relaxed),
          counts_.batches.load(std::memory_order_relaxed),
          counts_.frames.load(std::memory_order_relaxed),
          counts_.sleeps.load(std::memory_order_relaxed),
          counts_.scratch_exhausted.load(std::memory_order_relaxed),
          cpu_time(),
          thread_.joinable() ? std::chrono::steady_clock::now() - started_ : Duration{0}};
}

Duration LaneWorker::cpu_time() const noexcept {
  clockid_t clock{};
  timespec used{};
  if (!thread_.joinable() || pthread_getcpuclockid(native_thread_, &clock) != 0 ||
      clock_gettime(clock, &used) != 0) {
    return Duration{0};
  }
  return std::chrono::seconds{used.tv_sec} + Duration{used.tv_nsec};
}

bool LaneWorker::is_on_lane() noexcept {
  return this_thread_is_lane;
}

bool LaneWorker::is_in_task() noexcept {
  return this_thread_is_in_task;
}

Frame LaneWorker::scratch(std::uint32_t bytes) noexcept {
  const Frame frame = arena_.take(bytes);
  if (frame.data == nullptr) {
    count(counts_.scratch_exhausted);
  }
  return frame;
}

void LaneWorker::run() noexcept {
  this_thread_is_lane = true;
  pthread_setname_np(pthread_self(), fmt::format("lane:{}", index_).c_str());
  reader_.come_back(epoch_);
  while (!is_stopping_.load(std::memory_order_acquire)) {
    if (run_cycle() == 0) {
      sleep();
    }
  }
  reader_.go_away();
}

unsigned LaneWorker::run_cycle() noexcept {
  now_ = std::chrono::steady_clock::now();
  const Tasks& tasks = *tasks_.load(std::memory_order_acquire);
  unsigned frames = 0;
  this_thread_is_in_task = true;
  for (LaneTask* const task : tasks) {
    frames += task->poll(*this, max_batch);
  }
  for (LaneTask* const task : tasks) {
    task->flush(*this);
  }
  this_thread_is_in_task = false;
  count(counts_.cycles);
  count(counts_.polls, tasks.size());
  count(counts_.batches, frames > 0 ? 1 : 0);
  count(counts_.frames, frames);
  if (arena_.reset() > ScratchArena::idle_bytes) {
    last_busy_turn_ = now_;
  }
  reader_.pass_quiescent_point(epoch_);  // last: from here on `tasks` may be gone
  return frames;
}

void LaneWorker::sleep() noexcept {
  count(counts_.sleeps);
  reader_.go_away();
  std::array<epoll_event, 16> events{};
  if (arena_.holds_much() && now_ - last_busy_turn_ >= scratch_kept) {
    arena_.release();
  }
  const int patience = arena_.holds_much() ? static_cast<int>(scratch_kept.count()) : -1;
  const int ready = epoll_wait(epoll_fd_, events.data(), events.size(), patience);
  reader_.come_back(epoch_);
  for (int i = 0; i < ready; ++i) {
    if (events.at(static_cast<std::size_t>(i)).data.fd == wake_fd_) {
      eventfd_t ignored = 0;
      eventfd_read(wake_fd_, &ignored);
    }
  }
}

void LaneWorker::wake() noexcept {
  eventfd_write(wake_fd_, 1);  // fails only when the lane is sure to wake
}

}  // namespace weft
