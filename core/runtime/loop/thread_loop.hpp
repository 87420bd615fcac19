#pragma once
/// A loop of its own thread: one io_context, the real clock, the kernel's randomness.

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <weft/export.hpp>
#include <weft/loop.hpp>

#include "runtime/loop/activity.hpp"
#include "runtime/loop/blocking_pool.hpp"

namespace boost::asio {
class io_context;
}

namespace weft {

/// The loop of one plugin, run by the thread `w:<name>`. Owned by the host, which calls start,
/// close and join from its own thread and keeps the object until the process ends: Replies bound
/// to it may be answered late.
///
/// A posted task, and with it a Reply's answer, belongs to the trace of whoever posted it. A timer
/// begins anew: one that arms itself again would otherwise carry its first cause for ever.
class WEFT_EXPORT ThreadLoop final : public Loop {
 public:
  /// Told, on the loop's thread, what escaped a handler. The loop goes on.
  using ExceptionHandler = UniqueFunction<void(Error)>;

  ThreadLoop(std::string name, BlockingPool& pool, ExceptionHandler on_exception);
  /// Closes and joins when that was not done.
  ~ThreadLoop();
  ThreadLoop(const ThreadLoop&) = delete;
  ThreadLoop& operator=(const ThreadLoop&) = delete;

  void start();
  /// Runs what was posted before, then ends the thread; tasks posted later are dropped. Idempotent.
  void close() noexcept;
  /// Waits until this loop's blocking work is done, at most until `deadline`. Whether it is.
  [[nodiscard]] bool wait_for_blocking(TimePoint deadline) noexcept;
  /// After close: waits for the thread and this loop's blocking work. What still waits for
  /// something stays in the io_context, unrun, until `join`. Idempotent.
  void join_thread() noexcept;
  /// After close: `join_thread`, then destroys the io_context and with it every handler that still
  /// waits for something. Idempotent.
  void join() noexcept;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// What the thread is doing. Any thread.
  [[nodiscard]] Activity::Reading activity() const noexcept { return activity_.read(); }
  /// CPU time the thread has used. Any thread.
  [[nodiscard]] Duration cpu_time() const noexcept;

  void post(Task task) noexcept override;
  [[nodiscard]] Timer after(Duration delay, Task task) override;
  [[nodiscard]] Timer every(Duration period, Task task) override;
  [[nodiscard]] bool is_current() const noexcept override;
  [[nodiscard]] TimePoint now() const noexcept override;
  [[nodiscard]] WallTime wall_now() const noexcept override;
  [[nodiscard]] std::uint64_t random() noexcept override;
  void random_bytes(std::span<std::byte> out) noexcept override;
  void blocking(Task work, Task done) override;
  [[nodiscard]] Result<FdWatch> watch(int fd, FdEvents events,
                                      UniqueFunction<void(FdEvents)> ready) override;

  /// For the host's own I/O, on this loop's thread. Between construction and `join`.
  [[nodiscard]] boost::asio::io_context& io() noexcept;

 private:
  struct Reactor;

  void run();
  void finish_blocking() noexcept;
  void report_blocking_failure(std::string what);

  const std::string name_;
  BlockingPool& pool_;
  ExceptionHandler on_exception_;
  Activity activity_;
  std::atomic<std::thread::id> thread_id_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable blocking_done_;
  unsigned blocking_outstanding_ = 0;
  bool closed_ = false;
  bool thread_is_live_ = false;
  pthread_t native_thread_{};
  Duration final_cpu_time_{0};

  std::unique_ptr<Reactor> reactor_;
  std::thread thread_;
};

}  // namespace weft
