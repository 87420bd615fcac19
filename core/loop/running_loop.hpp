#pragma once
/// A real loop on its own thread, for tests of code that does real I/O.

#include <future>
#include <utility>

#include "loop/blocking_pool.hpp"
#include "loop/thread_loop.hpp"

namespace weft::testing {

/// Runs from construction to destruction. An exception on it ends the test program.
class RunningLoop {
 public:
  RunningLoop() { loop_.start(); }
  ~RunningLoop() {
    loop_.close();
    loop_.join();
  }
  RunningLoop(const RunningLoop&) = delete;
  RunningLoop& operator=(const RunningLoop&) = delete;

  [[nodiscard]] Loop& loop() noexcept { return loop_; }
  operator Loop&() noexcept { return loop_; }  // NOLINT(google-explicit-constructor)

  /// Runs `task` on the loop and waits for it: how a test's thread touches what lives there.
  template <class F>
  auto run(F task) {
    std::packaged_task<decltype(task())()> packaged(std::move(task));
    auto result = packaged.get_future();
    loop_.post([&packaged] { packaged(); });
    return result.get();
  }

 private:
  BlockingPool pool_;
  ThreadLoop loop_{"test", pool_, [](const Error&) { std::terminate(); }};
};

}  // namespace weft::testing
