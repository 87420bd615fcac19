#pragma once
/// The event loop of one plugin: its only thread, its clock, its timers and its chance.
///
/// Plugin control code runs on its loop alone, so it needs no locks. It never asks the system for
/// the time or a random number: in production these come from the kernel, in a simulation from a
/// virtual clock and a seed, and the plugin cannot tell.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <weft/function.hpp>
#include <weft/result.hpp>

namespace boost::asio {
class io_context;
}

namespace weft {

using Duration = std::chrono::nanoseconds;
/// Monotonic; only differences mean anything.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;
/// Seconds since the Unix epoch, for what is shown to people or sent to peers.
using WallTime = std::chrono::system_clock::time_point;

/// A pending timer. Destroying it cancels it: after the destructor returned (on the loop's thread)
/// the callback will not run. Movable; owned by the plugin; used on the loop's thread only.
class [[nodiscard]] Timer {
 public:
  struct Node {
    virtual ~Node() = default;
  };

  Timer() = default;
  explicit Timer(std::unique_ptr<Node> node) : node_(std::move(node)) {}

  /// Cancels, and makes the timer empty.
  void cancel() noexcept { node_.reset(); }
  /// True from creation until it is cancelled or moved away, also after a one-shot timer fired.
  [[nodiscard]] bool is_set() const noexcept { return node_ != nullptr; }

 private:
  std::unique_ptr<Node> node_;
};

/// Owned by the host, lives as long as the process. Every method except `post` and `now` is for the
/// loop's own thread.
class Loop {
 public:
  /// Runs `task` on this loop, after what was posted before. Any thread. Never blocks. Once the
  /// loop is closed the task is destroyed without running.
  virtual void post(Task task) noexcept = 0;

  /// Runs `task` once, `delay` from now.
  [[nodiscard]] virtual Timer after(Duration delay, Task task) = 0;
  /// Runs `task` every `period`, first one period from now. A late run does not cause a burst.
  [[nodiscard]] virtual Timer every(Duration period, Task task) = 0;

  /// True on the loop's own thread.
  [[nodiscard]] virtual bool is_current() const noexcept = 0;
  /// Any thread.
  [[nodiscard]] virtual TimePoint now() const noexcept = 0;
  [[nodiscard]] virtual WallTime wall_now() const noexcept = 0;

  /// A uniformly random number. Cryptographically strong in production, seeded in a simulation.
  [[nodiscard]] virtual std::uint64_t random() noexcept = 0;
  /// Fills `out` from the same source. For keys and nonces.
  virtual void random_bytes(std::span<std::byte> out) noexcept = 0;

  /// Runs `work` on a thread that may block (at most two run at once), then `done` on this loop.
  virtual void blocking(Task work, Task done) = 0;

  /// For I/O that only exists in production, such as netlink notifications. A simulated loop has
  /// none and aborts.
  [[nodiscard]] virtual boost::asio::io_context& io() = 0;

 protected:
  ~Loop() = default;
};

/// A uniformly random integer in [0, bound). `bound` must not be 0.
[[nodiscard]] inline std::uint64_t random_below(Loop& loop, std::uint64_t bound) noexcept {
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  std::uint64_t value = loop.random();
  while (value >= limit) {
    value = loop.random();
  }
  return value % bound;
}

/// A uniformly random real in [0, 1).
[[nodiscard]] inline double random_unit(Loop& loop) noexcept {
  return static_cast<double>(loop.random() >> 11U) * 0x1.0p-53;
}

}  // namespace weft
