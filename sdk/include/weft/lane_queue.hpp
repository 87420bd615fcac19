#pragma once
/// The way from a lane back to a plugin's loop: a bounded queue and the bell that wakes the loop.
///
///   lane:  if (!queue.push(event)) { count it }   bell.ring();
///   loop:  BellListener::open(loop, bell, [&] { while (queue.pop(event)) { ... } });

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include <weft/function.hpp>
#include <weft/loop.hpp>
#include <weft/result.hpp>

namespace weft {

/// A queue of at most `capacity` events from one lane to one loop: one producer, one consumer, no
/// waiting on either side, no allocation after construction. `Event` is trivially copyable.
template <class Event, std::size_t capacity = 256>
class LaneQueue {
 public:
  /// The lane. False when the loop does not keep up: drop and count, and let the event repeat.
  [[nodiscard]] bool push(const Event& event) noexcept {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == capacity) {
      return false;
    }
    (*events_)[tail % capacity] = event;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  /// The loop. False when empty.
  [[nodiscard]] bool pop(Event& event) noexcept {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) {
      return false;
    }
    event = (*events_)[head % capacity];
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

 private:
  std::unique_ptr<std::array<Event, capacity>> events_ =
      std::make_unique<std::array<Event, capacity>>();
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
};

/// Wakes a loop: an eventfd that is written once until the loop answers.
class Doorbell {
 public:
  Doorbell() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~Doorbell() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  /// Readable from `ring` to `answer`; negative when the process has no descriptors left.
  [[nodiscard]] int fd() const noexcept { return fd_; }

  /// Any lane, after pushing.
  void ring() noexcept {
    if (!is_rung_.exchange(true, std::memory_order_acq_rel)) {
      eventfd_write(fd_, 1);
    }
  }
  /// The loop, before popping: what is pushed later rings again.
  void answer() noexcept {
    eventfd_t ignored = 0;
    eventfd_read(fd_, &ignored);
    is_rung_.exchange(false, std::memory_order_acq_rel);
  }

 private:
  int fd_;
  std::atomic<bool> is_rung_{false};
};

/// Answers a doorbell on a loop. Used and destroyed on the loop's thread; the handler does not run
/// after its destructor returned.
class BellListener {
 public:
  /// `bell` outlives the listener. Errors: as Loop::watch.
  [[nodiscard]] static Result<BellListener> open(Loop& loop, Doorbell& bell, Task on_ring) {
    auto watch = loop.watch(bell.fd(), {.readable = true},
                            [&bell, on_ring = std::move(on_ring)](FdEvents) mutable {
                              bell.answer();
                              on_ring();
                            });
    if (!watch) {
      return tl::unexpected(std::move(watch).error());
    }
    return BellListener(*std::move(watch));
  }

 private:
  explicit BellListener(FdWatch watch) : watch_(std::move(watch)) {}

  FdWatch watch_;
};

}  // namespace weft
