#pragma once
/// Counters, gauges and histograms, read as Prometheus text. Registering allocates; counting does
/// not.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
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

/// Upper bounds of a histogram of durations, in seconds: 1, 2 and 5 in each decade from 1 us to 10
/// s.
inline constexpr std::array<double, 22> duration_bounds{
    1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3,
    5e-3, 1e-2, 2e-2, 5e-2, 1e-1, 2e-1, 5e-1, 1,    2,    5,    10};

/// How values are spread: how many fell into each range. Owned by the host; lives as long as the
/// process. Any thread but a lane.
class Histogram {
 public:
  /// A copy of the counts at one moment; values counted meanwhile may be in one of them only.
  struct Values {
    std::vector<double> bounds;         ///< inclusive upper bounds, ascending
    std::vector<std::uint64_t> counts;  ///< one per bound, and last what is above all of them
    double sum = 0;

    [[nodiscard]] std::uint64_t count() const noexcept {
      std::uint64_t all = 0;
      for (const std::uint64_t n : counts) {
        all += n;
      }
      return all;
    }
    /// The bound below which a `share` (0..1) of the values lies; the last bound when it lies above
    /// all of them; 0 without values.
    [[nodiscard]] double quantile(double share) const noexcept {
      const double wanted = share * static_cast<double>(count());
      std::uint64_t below = 0;
      for (std::size_t i = 0; i < bounds.size(); ++i) {
        below += counts[i];
        if (below > 0 && static_cast<double>(below) >= wanted) {
          return bounds[i];
        }
      }
      return count() == 0 || bounds.empty() ? 0 : bounds.back();
    }
  };

  explicit Histogram(std::span<const double> bounds)
      : bounds_(bounds.begin(), bounds.end()), counts_(bounds.size() + 1) {}

  void observe(double value) noexcept {
    std::size_t i = 0;
    while (i < bounds_.size() && value > bounds_[i]) {
      ++i;
    }
    counts_[i].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }
  [[nodiscard]] Values values() const {
    Values result{bounds_, {}, sum_.load(std::memory_order_relaxed)};
    for (const auto& count : counts_) {
      result.counts.push_back(count.load(std::memory_order_relaxed));
    }
    return result;
  }

 private:
  const std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// Names follow Prometheus: "weft_<plugin>_<what>_<unit>", counters end in "_total".
/// Asking again for the same name and labels gives the same object. Any thread but a lane.
/// A name that is none, or one that is another kind of metric already, fails the plugin.
class Metrics {
 public:
  [[nodiscard]] virtual Counter& counter(std::string name, std::string help,
                                         MetricLabels labels = {}) = 0;
  [[nodiscard]] virtual Gauge& gauge(std::string name, std::string help,
                                     MetricLabels labels = {}) = 0;
  /// `bounds` ascend and are in the metric's unit; the same for all labels of one name.
  [[nodiscard]] virtual Histogram& histogram(std::string name, std::string help,
                                             std::span<const double> bounds = duration_bounds,
                                             MetricLabels labels = {}) = 0;

 protected:
  ~Metrics() = default;
};

}  // namespace weft
