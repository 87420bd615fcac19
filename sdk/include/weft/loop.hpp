#pragma once
/// The event loop of one plugin: its only thread, its clock, its timers, its descriptors and its
/// randomness.
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

/// What a descriptor is ready for, or is watched for.
struct FdEvents {
  bool readable = false;
  bool writable = false;

  bool operator==(const FdEvents&) const = default;
};

/// A descriptor that a loop watches. Destroying it ends that: after the destructor returned (on the
/// loop's thread) the handler will not run, and the descriptor may be closed. Movable; owned by the
/// plugin; used on the loop's thread only.
class [[nodiscard]] FdWatch {
 public:
  struct Node {
    virtual ~Node() = default;
  };

  FdWatch() = default;
  explicit FdWatch(std::unique_ptr<Node> node) : node_(std::move(node)) {}

  /// Ends the watch, and makes it empty. The handler itself may do so.
  void cancel() noexcept { node_.reset(); }
  /// True from creation until it is cancelled or moved away.
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

  /// Calls `ready` on this loop whenever `fd` is ready for one of `events`, and says for which.
  /// Level-triggered: what the handler leaves unread, it is called for again, after what else waits
  /// on the loop has had its turn; a descriptor that is closed or broken counts as ready for all
  /// that it is watched for, because the next read or write says why.
  ///
  /// `fd` stays the caller's, who closes it after the watch has ended, not before. A loop watches a
  /// descriptor once. Errors: the kernel's: EPERM for what is always ready, such as a regular file;
  /// EEXIST for what this loop watches already; EBADF; ENOSPC or ENOMEM.
  [[nodiscard]] virtual Result<FdWatch> watch(int fd, FdEvents events,
                                              UniqueFunction<void(FdEvents)> ready) = 0;

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
