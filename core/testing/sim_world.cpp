/// The virtual clock and the queue of events.

#include <weft/testing/sim_world.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/core.h>

namespace weft::testing {
namespace {

constexpr TimePoint world_start{
    std::chrono::hours{1}};  // so that no sensible difference is negative
constexpr WallTime wall_start{std::chrono::seconds{1'700'000'000}};

/// Shared by a Timer and its event in the queue, which cannot be recalled.
struct TimerState : std::enable_shared_from_this<TimerState> {
  TimerState(SimWorld& in, SimLoop& on, Task work, Duration interval)
      : world(in), loop(on), task(std::move(work)), period(interval) {}

  void arm(Duration delay) {
    world.schedule(delay, &loop, [self = shared_from_this()] { self->fire(); });
  }

  void fire() {
    if (is_cancelled) {
      return;
    }
    if (period > Duration{0}) {
      arm(period);
    }
    is_running = true;
    task();
    is_running = false;
    if (is_cancelled || period == Duration{0}) {
      task = {};
    }
  }

  void cancel() noexcept {
    is_cancelled = true;
    if (!is_running) {
      task = {};
    }
  }

  SimWorld& world;
  SimLoop& loop;
  Task task;
  Duration period;  // 0: once
  bool is_cancelled = false;
  bool is_running = false;
};

class TimerNode final : public Timer::Node {
 public:
  explicit TimerNode(std::shared_ptr<TimerState> state) : state_(std::move(state)) {}
  ~TimerNode() override { state_->cancel(); }

 private:
  std::shared_ptr<TimerState> state_;
};

Timer make_timer(SimWorld& world, SimLoop& loop, Duration delay, Task task, Duration period) {
  auto state = std::make_shared<TimerState>(world, loop, std::move(task), period);
  state->arm(delay);
  return Timer{std::make_unique<TimerNode>(std::move(state))};
}

}  // namespace

SimLoop::SimLoop(SimWorld& world, std::string name, std::uint32_t index)
    : world_(world), name_(std::move(name)), index_(index), random_(world.random()) {}
SimLoop::~SimLoop() = default;

void SimLoop::run(Task task) {
  world_.run_on(this, task);
}

void SimLoop::post(Task task) noexcept {
  world_.schedule(Duration{0}, this, std::move(task));
}

Timer SimLoop::after(Duration delay, Task task) {
  return make_timer(world_, *this, delay, std::move(task), Duration{0});
}

Timer SimLoop::every(Duration period, Task task) {
  WEFT_CHECK(period > Duration{0}, "a period is positive");
  return make_timer(world_, *this, period, std::move(task), period);
}

bool SimLoop::is_current() const noexcept {
  return world_.current_ == this;
}

TimePoint SimLoop::now() const noexcept {
  return world_.now();
}

WallTime SimLoop::wall_now() const noexcept {
  return wall_start + std::chrono::duration_cast<WallTime::duration>(world_.elapsed());
}

std::uint64_t SimLoop::random() noexcept {
  return random_();
}

void SimLoop::random_bytes(std::span<std::byte> out) noexcept {
  for (std::byte& octet : out) {
    octet = static_cast<std::byte>(random_() & 0xFFU);
  }
}

void SimLoop::blocking(Task work, Task done) {
  post([this, work = std::move(work), done = std::move(done)]() mutable {
    work();
    post(std::move(done));
  });
}

struct SimLoop::Watch {
  FdEvents events;
  UniqueFunction<void(FdEvents)> ready;
};

class SimLoop::WatchNode final : public FdWatch::Node {
 public:
  WatchNode(SimLoop& loop, int fd) : loop_(loop), fd_(fd) {}
  ~WatchNode() override { const auto ended = loop_.watches_.extract(fd_); }

 private:
  SimLoop& loop_;
  const int fd_;
};

Result<FdWatch> SimLoop::watch(int fd, FdEvents events, UniqueFunction<void(FdEvents)> ready) {
  const auto [at, is_new] = watches_.try_emplace(fd);
  if (!is_new) {
    return fail(EEXIST, fmt::format("watch descriptor {}", fd));
  }
  at->second = std::make_shared<Watch>(Watch{events, std::move(ready)});
  return FdWatch{std::make_unique<WatchNode>(*this, fd)};
}

void SimLoop::make_ready(int fd, FdEvents events) {
  post([this, fd, events] {
    const auto found = watches_.find(fd);
    if (found == watches_.end()) {
      return;
    }
    const auto watch = found->second;  // the handler may end it
    const FdEvents happened{events.readable && watch->events.readable,
                            events.writable && watch->events.writable};
    if (happened != FdEvents{}) {
      watch->ready(happened);
    }
  });
}

SimWorld::SimWorld(std::uint64_t seed)
    : random_(seed), now_(world_start), network_(std::make_unique<SimNetwork>(*this)) {}

SimWorld::~SimWorld() {
  is_ending_ = true;
  queue_.clear();  // what the events own may still schedule, which now does nothing
}

SimLoop& SimWorld::add_loop(std::string name) {
  const auto index = static_cast<std::uint32_t>(loops_.size() + 1);
  return *loops_.emplace_back(std::make_unique<SimLoop>(*this, std::move(name), index));
}

Duration SimWorld::elapsed() const noexcept {
  return now_ - world_start;
}

void SimWorld::schedule(Duration delay, SimLoop* loop, Task task) noexcept {
  if (is_ending_ || (loop != nullptr && loop->is_closed())) {
    return;
  }
  queue_.push_back(
      Event{now_ + std::max(delay, Duration{0}), next_sequence_++, loop, std::move(task)});
  std::push_heap(queue_.begin(), queue_.end(), Later{});
}

void SimWorld::run_on(SimLoop* loop, Task& task) {
  if (loop != nullptr && loop->is_closed()) {
    return;
  }
  SimLoop* const outer = std::exchange(current_, loop);
  task();
  current_ = outer;
}

void SimWorld::record(std::uint64_t value) noexcept {
  constexpr std::uint64_t fnv_prime = 1099511628211U;
  digest_ = (digest_ ^ value) * fnv_prime;
}

bool SimWorld::step_until(TimePoint limit) {
  if (queue_.empty() || queue_.front().at > limit) {
    return false;
  }
  std::pop_heap(queue_.begin(), queue_.end(), Later{});
  Event event = std::move(queue_.back());
  queue_.pop_back();
  now_ = event.at;
  ++event_count_;
  record(static_cast<std::uint64_t>(elapsed().count()));
  record(event.loop != nullptr ? event.loop->index_ : 0);
  run_on(event.loop, event.task);
  return true;
}

bool SimWorld::step() {
  return step_until(TimePoint::max());
}

void SimWorld::run_for(Duration duration) {
  const TimePoint end = now_ + duration;
  while (step_until(end)) {
  }
  now_ = end;
}

bool SimWorld::run_until(const std::function<bool()>& condition, Duration limit) {
  const TimePoint end = now_ + limit;
  while (!condition()) {
    if (!step_until(end)) {
      now_ = end;
      return condition();
    }
  }
  return true;
}

}  // namespace weft::testing
