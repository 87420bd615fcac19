#pragma once
/// A real loop on its own thread, for tests of code that does real I/O.

#include <future>
#include <memory>
#include <utility>

#include <weft/loop.hpp>

namespace weft::testing {

/// Runs from construction to destruction. An exception on it ends the test program.
class RunningLoop {
 public:
  RunningLoop();
  ~RunningLoop();
  RunningLoop(const RunningLoop&) = delete;
  RunningLoop& operator=(const RunningLoop&) = delete;

  [[nodiscard]] Loop& loop() noexcept;
  operator Loop&() noexcept { return loop(); }  // NOLINT(google-explicit-constructor)

  /// Runs `task` on the loop and waits for it: how a test's thread touches what lives there.
  template <class F>
  auto run(F task) {
    std::packaged_task<decltype(task())()> packaged(std::move(task));
    auto result = packaged.get_future();
    loop().post([&packaged] { packaged(); });
    return result.get();
  }

 private:
  struct Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace weft::testing
