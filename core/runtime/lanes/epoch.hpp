#pragma once
/// Quiescent-state reclamation: how control code learns that lanes let go of what they read.
/// Source: M. Desnoyers et al., "User-Level Implementations of Read-Copy Update", 2012, QSBR.

#include <atomic>
#include <cstdint>

namespace weft {

/// The node's grace-period counter. Only grows.
class Epoch {
 public:
  [[nodiscard]] std::uint64_t current() const noexcept {
    return value_.load(std::memory_order_acquire);
  }
  /// Begins a grace period; every store made before it is visible to whoever sees its number.
  [[nodiscard]] std::uint64_t advance() noexcept {
    const std::uint64_t next = value_.fetch_add(1, std::memory_order_seq_cst) + 1;
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return next;
  }

 private:
  std::atomic<std::uint64_t> value_{1};
};

/// Where one lane stands. Written by the lane alone, on a cache line of its own.
class alignas(64) EpochReader {
 public:
  /// The lane holds nothing it read before. On the lane.
  void pass_quiescent_point(const Epoch& epoch) noexcept {
    seen_.store(epoch.current(), std::memory_order_release);
  }
  /// The lane holds nothing and reads nothing until `come_back`. On the lane.
  void go_away() noexcept { seen_.store(away, std::memory_order_release); }
  /// Whoever waits sees the lane reading again before the lane reads anything. On the lane.
  void come_back(const Epoch& epoch) noexcept {
    seen_.store(epoch.current(), std::memory_order_seq_cst);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  /// Whether the lane holds nothing that was replaced before grace period `number` began.
  [[nodiscard]] bool has_passed(std::uint64_t number) const noexcept {
    return seen_.load(std::memory_order_acquire) >= number;
  }

 private:
  static constexpr std::uint64_t away = UINT64_MAX;
  std::atomic<std::uint64_t> seen_{away};
};

}  // namespace weft
