#pragma once
/// The main thread's own queue: lifecycle steps, failures and signals meet here, one at a time.

#include <functional>
#include <initializer_list>
#include <memory>

#include <weft/export.hpp>
#include <weft/function.hpp>
#include <weft/loop.hpp>

namespace boost::asio {
class io_context;
}

namespace weft::host {

/// Owned by the program. `post` from any thread; the rest on the main thread.
class WEFT_EXPORT MainLoop {
 public:
  MainLoop();
  ~MainLoop();
  MainLoop(const MainLoop&) = delete;
  MainLoop& operator=(const MainLoop&) = delete;

  void post(Task task) noexcept;

  /// Calls `handler` with the number of each of `signals` that arrives. Blocks them in this thread
  /// and so in every thread started later: call it first.
  [[nodiscard]] Result<> on_signals(std::initializer_list<int> signals,
                                    std::function<void(int)> handler);

  /// Runs what is posted until `is_done`, or until `deadline`. Returns is_done().
  bool run_until(const std::function<bool()>& is_done, TimePoint deadline);
  void run_until(const std::function<bool()>& is_done);

  [[nodiscard]] static TimePoint now() noexcept { return std::chrono::steady_clock::now(); }
  /// Calls `task` every `period` while this loop runs and the returned handle lives.
  [[nodiscard]] std::shared_ptr<void> every(Duration period, std::function<void()> task);

 private:
  struct Periodic;
  struct Signals;

  std::unique_ptr<boost::asio::io_context> context_;
  std::unique_ptr<Signals> signals_;
};

}  // namespace weft::host
