#pragma once
/// Counters and gauges, read as Prometheus text. Registering allocates; counting does not.

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace weft {

inline constexpr unsigned max_lanes = 8;

/// Only grows. One cell per lane plus one for everyone else, each on its own cache line, so that
/// counting on a lane costs one uncontended add. Owned by the host; lives as long as the process.
class Counter {
 public:
  /// Any thread but a lane.
  void add(std::uint64_t n = 1) noexcept {
    cells_[max_lanes].value.fetch_add(n, std::memory_order_relaxed);
  }
  /// On lane `lane` only.
  void add_on_lane(unsigned lane, std::uint64_t n = 1) noexcept {
    auto& value = cells_[lane].value;
    value.store(value.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept {
    std::uint64_t sum = 0;
    for (const Cell& cell : cells_) {
      sum += cell.value.load(std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  struct alignas(64) Cell {
    std::atomic<std::uint64_t> value{0};
  };
  std::array<Cell, max_lanes + 1> cells_;
};

/// A value that goes up and down. Any thread.
class Gauge {
 public:
  void set(double value) noexcept { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] double value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// Names follow Prometheus: "weft_<plugin>_<what>_<unit>", counters end in "_total".
/// Asking again for the same name and labels gives the same object. Any thread but a lane.
class Metrics {
 public:
  [[nodiscard]] virtual Counter& counter(std::string name, std::string help,
                                         MetricLabels labels = {}) = 0;
  [[nodiscard]] virtual Gauge& gauge(std::string name, std::string help,
                                     MetricLabels labels = {}) = 0;

 protected:
  ~Metrics() = default;
};

}  // namespace weft
