/// Posts, timers, descriptors and the life of a plugin's thread, on Boost.Asio.

#include "runtime/loop/thread_loop.hpp"

#include <exception>

#include <fmt/core.h>
#include <pthread.h>
#include <sodium.h>
#include <time.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "runtime/loop/handler_scope.hpp"
#include "runtime/loop/trace.hpp"
#include "runtime/loop/watch_set.hpp"

namespace weft {
namespace {

Duration thread_cpu_time(pthread_t thread) noexcept {
  clockid_t clock{};
  timespec used{};
  if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &used) != 0) {
    return Duration{0};
  }
  return std::chrono::seconds{used.tv_sec} + Duration{used.tv_nsec};
}

/// Shared by a Timer and the wait that Asio holds: a wait that already fired cannot be recalled,
/// so it asks here whether it still may run.
struct TimerState : std::enable_shared_from_this<TimerState> {
  TimerState(boost::asio::io_context& context, Task work, Duration interval)
      : timer(context), task(std::move(work)), period(interval) {}

  void arm(TimePoint at) {
    timer.expires_at(at);
    timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) {
        self->fire();
      }
    });
  }

  void fire() {
    if (is_cancelled) {
      return;
    }
    const ActivityScope scope("timer");
    const HandlerScope handler;
    if (period > Duration{0}) {
      // Late runs are skipped, not caught up with.
      arm(std::max(timer.expiry() + period, std::chrono::steady_clock::now()));
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
    timer.cancel();
    if (!is_running) {
      task = {};
    }
  }

  boost::asio::steady_timer timer;
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

}  // namespace

struct ThreadLoop::Reactor {
  Reactor() = default;
  ~Reactor() { watches->close(); }
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_running{
      context.get_executor()};
  std::shared_ptr<WatchSet> watches = std::make_shared<WatchSet>(context);
};

ThreadLoop::ThreadLoop(std::string name, BlockingPool& pool, ExceptionHandler on_exception)
    : name_(std::move(name)),
      pool_(pool),
      on_exception_(std::move(on_exception)),
      reactor_(std::make_unique<Reactor>()) {
  WEFT_CHECK(sodium_init() >= 0, "libsodium finds the system's random source");
}

ThreadLoop::~ThreadLoop() {
  close();
  join();
}

void ThreadLoop::start() {
  const std::lock_guard lock(mutex_);
  WEFT_CHECK(!thread_.joinable() && !closed_, "a loop is started once");
  thread_ = std::thread([this] { run(); });
  native_thread_ = thread_.native_handle();
  thread_is_live_ = true;
}

void ThreadLoop::close() noexcept {
  const std::lock_guard lock(mutex_);
  if (std::exchange(closed_, true)) {
    return;
  }
  boost::asio::post(io(), [this] { io().stop(); });
}

bool ThreadLoop::wait_for_blocking(TimePoint deadline) noexcept {
  std::unique_lock lock(mutex_);
  return blocking_done_.wait_until(lock, deadline, [this] { return blocking_outstanding_ == 0; });
}

void ThreadLoop::join_thread() noexcept {
  WEFT_CHECK(!is_current(), "a loop is joined from outside");
  if (thread_.joinable()) {
    thread_.join();
  }
  std::unique_lock lock(mutex_);
  WEFT_CHECK(closed_, "a loop is closed before it is joined");
  blocking_done_.wait(lock, [this] { return blocking_outstanding_ == 0; });
}

void ThreadLoop::join() noexcept {
  join_thread();
  std::unique_ptr<Reactor> reactor;  // destroyed after the lock was released
  const std::lock_guard lock(mutex_);
  reactor = std::move(reactor_);
}

boost::asio::io_context& ThreadLoop::io() noexcept {
  return reactor_->context;
}

void ThreadLoop::run() {
  thread_id_.store(std::this_thread::get_id(), std::memory_order_release);
  pthread_setname_np(pthread_self(), ("w:" + name_).substr(0, 15).c_str());
  Activity::attach(&activity_);
  while (!io().stopped()) {
    try {
      io().run();
    } catch (const std::exception& error) {
      on_exception_(Error{make_error_code(Errc::invalid),
                          fmt::format("finish a handler of '{}': {}", name_, error.what())});
    } catch (...) {
      on_exception_(
          Error{make_error_code(Errc::invalid), fmt::format("finish a handler of '{}'", name_)});
    }
  }
  thread_id_.store({}, std::memory_order_release);
  Activity::attach(nullptr);
  const std::lock_guard lock(mutex_);
  final_cpu_time_ = thread_cpu_time(pthread_self());
  thread_is_live_ = false;
}

Duration ThreadLoop::cpu_time() const noexcept {
  const std::lock_guard lock(mutex_);
  return thread_is_live_ ? thread_cpu_time(native_thread_) : final_cpu_time_;
}

void ThreadLoop::post(Task task) noexcept {
  HandlerScope::flush();
  const std::lock_guard lock(mutex_);
  if (!closed_) {
    boost::asio::post(io(), [work = std::move(task), trace = current_trace()]() mutable {
      const ActivityScope scope("task");
      const HandlerScope handler;
      const TraceScope caused_by(trace);
      work();
    });
  }
  // Else `task`, a parameter, is destroyed by the caller, after the lock was released.
}

Timer ThreadLoop::after(Duration delay, Task task) {
  auto state = std::make_shared<TimerState>(io(), std::move(task), Duration{0});
  state->arm(now() + delay);
  return Timer{std::make_unique<TimerNode>(std::move(state))};
}

Timer ThreadLoop::every(Duration period, Task task) {
  WEFT_CHECK(period > Duration{0}, "a period is positive");
  auto state = std::make_shared<TimerState>(io(), std::move(task), period);
  state->arm(now() + period);
  return Timer{std::make_unique<TimerNode>(std::move(state))};
}

Result<FdWatch> ThreadLoop::watch(int fd, FdEvents events, UniqueFunction<void(FdEvents)> ready) {
  return reactor_->watches->add(fd, events, std::move(ready));
}

bool ThreadLoop::is_current() const noexcept {
  return thread_id_.load(std::memory_order_acquire) == std::this_thread::get_id();
}

TimePoint ThreadLoop::now() const noexcept {
  return std::chrono::steady_clock::now();
}

WallTime ThreadLoop::wall_now() const noexcept {
  return std::chrono::system_clock::now();
}

std::uint64_t ThreadLoop::random() noexcept {
  std::uint64_t value = 0;
  randombytes_buf(&value, sizeof value);
  return value;
}

void ThreadLoop::random_bytes(std::span<std::byte> out) noexcept {
  randombytes_buf(out.data(), out.size());
}

void ThreadLoop::blocking(Task work, Task done) {
  {
    const std::lock_guard lock(mutex_);
    ++blocking_outstanding_;
  }
  pool_.submit(
      [this, work = std::move(work), done = std::move(done), trace = current_trace()]() mutable {
        const TraceScope caused_by(trace);
        try {
          work();
        } catch (const std::exception& error) {
          report_blocking_failure(error.what());
        } catch (...) {
          report_blocking_failure("an unknown exception");
        }
        work = {};
        post(std::move(done));
        finish_blocking();
      });
}

void ThreadLoop::report_blocking_failure(std::string what) {
  post([this, what = std::move(what)] {
    on_exception_(Error{make_error_code(Errc::invalid),
                        fmt::format("finish blocking work of '{}': {}", name_, what)});
  });
}

void ThreadLoop::finish_blocking() noexcept {
  const std::lock_guard lock(mutex_);
  if (--blocking_outstanding_ == 0) {
    blocking_done_.notify_all();
  }
}

}  // namespace weft
