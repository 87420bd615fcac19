#pragma once
/// A loop on a thread and a clock of its own, for tests of code that does real I/O.

#include <atomic>
#include <future>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <weft/loop.hpp>

namespace weft::testing {

/// Runs until destroyed; then its thread is joined and what was queued is dropped unrun.
class ThreadLoop final : public Loop {
 public:
  ThreadLoop() : thread_([this] { context_.run(); }), blocking_thread_([this] { work_.run(); }) {}
  ~ThreadLoop() {
    work_.stop();
    blocking_thread_.join();
    context_.stop();
    thread_.join();
  }
  ThreadLoop(const ThreadLoop&) = delete;
  ThreadLoop& operator=(const ThreadLoop&) = delete;

  void post(Task task) noexcept override {
    boost::asio::post(context_, [task = std::move(task)]() mutable { task(); });
  }

  Timer after(Duration delay, Task task) override {
    return Timer{std::make_unique<Node>(context_, delay, std::move(task), false)};
  }
  Timer every(Duration period, Task task) override {
    return Timer{std::make_unique<Node>(context_, period, std::move(task), true)};
  }

  bool is_current() const noexcept override {
    return thread_.get_id() == std::this_thread::get_id();
  }
  TimePoint now() const noexcept override { return std::chrono::steady_clock::now(); }
  WallTime wall_now() const noexcept override { return std::chrono::system_clock::now(); }
  std::uint64_t random() noexcept override { return ++counter_; }
  void random_bytes(std::span<std::byte> out) noexcept override {
    for (std::byte& octet : out) {
      octet = static_cast<std::byte>(++counter_);
    }
  }

  void blocking(Task work, Task done) override {
    boost::asio::post(work_, [this, work = std::move(work), done = std::move(done)]() mutable {
      work();
      work = {};
      post(std::move(done));
    });
  }

  boost::asio::io_context& io() override { return context_; }

  /// Runs `task` on the loop and waits for it: how a test's thread touches what lives there.
  template <class F>
  auto run(F task) {
    std::packaged_task<decltype(task())()> packaged(std::move(task));
    auto result = packaged.get_future();
    post([&packaged] { packaged(); });
    return result.get();
  }

 private:
  struct Node final : Timer::Node {
    struct State {
      State(boost::asio::io_context& context, Task callback, bool repeats)
          : timer(context), task(std::move(callback)), is_periodic(repeats) {}
      boost::asio::steady_timer timer;
      Task task;
      bool is_periodic;
      bool is_cancelled = false;
    };
    Node(boost::asio::io_context& context, Duration delay, Task task, bool repeats)
        : state(std::make_shared<State>(context, std::move(task), repeats)) {
      arm(state, delay);
    }
    ~Node() override {
      state->is_cancelled = true;
      state->timer.cancel();
    }
    static void arm(const std::shared_ptr<State>& state, Duration delay) {
      state->timer.expires_after(std::chrono::duration_cast<std::chrono::microseconds>(delay));
      state->timer.async_wait([state, delay](const boost::system::error_code& error) {
        if (error || state->is_cancelled) {
          return;
        }
        state->task();
        if (state->is_periodic && !state->is_cancelled) {
          arm(state, delay);
        }
      });
    }
    std::shared_ptr<State> state;
  };

  using WorkGuard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;
  boost::asio::io_context context_{1};
  boost::asio::io_context work_{1};
  WorkGuard context_guard_{context_.get_executor()};
  WorkGuard work_guard_{work_.get_executor()};
  std::uint64_t counter_ = 0;
  std::thread thread_;
  std::thread blocking_thread_;
};

}  // namespace weft::testing
