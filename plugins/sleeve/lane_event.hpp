#pragma once
/// What lanes tell the overlay's loop: the rare datagrams that are about the path itself.

#include <sys/eventfd.h>

#include <array>
#include <atomic>
#include <cstdint>

#include <weft/net/ip.hpp>

#include "udp_socket.hpp"

namespace weft::sleeve {

struct LaneEvent {
  enum class Kind : std::uint8_t { heartbeat, fragmentation_test, mtu_test, message_too_big };

  Kind kind{};
  std::uint32_t connection = 0;   ///< Peer::connection
  std::uint32_t frame_bytes = 0;  ///< mtu_test
  std::uint64_t uid = 0;          ///< heartbeat
  net::Endpoint from{};           ///< heartbeat
};

/// A bounded queue from one lane to the loop: one producer, one consumer, no waiting on either
/// side.
class LaneEvents {
 public:
  /// The lane. False when the loop does not keep up: drop and count, as all events repeat.
  [[nodiscard]] bool push(const LaneEvent& event) noexcept {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == events_.size()) {
      return false;
    }
    events_[tail % events_.size()] = event;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  /// The loop. False when empty.
  [[nodiscard]] bool pop(LaneEvent& event) noexcept {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) {
      return false;
    }
    event = events_[head % events_.size()];
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

 private:
  std::array<LaneEvent, 256> events_;
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
};

/// Wakes the loop: an eventfd that is written once until the loop answers.
class Doorbell {
 public:
  Doorbell() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  /// Any lane, after pushing.
  void ring() noexcept {
    if (!is_rung_.exchange(true, std::memory_order_acq_rel)) {
      eventfd_write(fd_.get(), 1);
    }
  }
  /// The loop, before popping: what is pushed later rings again.
  void answer() noexcept {
    eventfd_t ignored = 0;
    eventfd_read(fd_.get(), &ignored);
    is_rung_.exchange(false, std::memory_order_acq_rel);
  }

 private:
  Fd fd_;
  std::atomic<bool> is_rung_{false};
};

}  // namespace weft::sleeve
