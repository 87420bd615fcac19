#pragma once
/// What the benchmarks share: medians, and budgets that fail the program when they are missed.

#include <algorithm>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/core.h>

namespace weft::bench {

/// Single durations, in seconds.
class Samples {
 public:
  void add(double seconds) { seconds_.push_back(seconds); }
  [[nodiscard]] std::size_t size() const noexcept { return seconds_.size(); }
  /// What a `share` (0..1) of the samples does not exceed; 0 without samples.
  [[nodiscard]] double quantile(double share) {
    if (seconds_.empty()) {
      return 0;
    }
    std::ranges::sort(seconds_);
    return seconds_[static_cast<std::size_t>(share * static_cast<double>(seconds_.size() - 1))];
  }

 private:
  std::vector<double> seconds_;
};

/// Shows `value` beside the benchmark and fails it when it is above `limit`, both in `unit`.
inline void hold_to(benchmark::State& state, const char* name, double value, double limit,
                    const char* unit) {
  state.counters[fmt::format("{}_{}", name, unit)] = value;
  if (value > limit) {
    const std::string text = fmt::format("{} is {:.3g} {}, above its budget of {:.3g} {}", name,
                                         value, unit, limit, unit);
    state.SkipWithError(text.c_str());
  }
}

}  // namespace weft::bench
