#pragma once
/// Why frames went no further, counted by reason.

#include <array>
#include <cstdint>
#include <string>

#include <weft/metrics.hpp>

namespace weft::overlay {

/// A counter for each value of `Reason`, an enumeration whose last is `count_` and whose values
/// to_string names. Registering happens once, at start; lanes only add.
template <class Reason>
class DropCounters {
 public:
  /// `name`: of the metric; its label is "reason".
  DropCounters(Metrics& metrics, const std::string& name) {
    for (std::size_t i = 0; i < counters_.size(); ++i) {
      counters_[i] = &metrics.counter(name, "Datagrams and frames dropped.",
                                      {{"reason", std::string(to_string(static_cast<Reason>(i)))}});
    }
  }

  /// On lane `lane` only.
  void drop_on_lane(unsigned lane, Reason reason, std::uint64_t n = 1) noexcept {
    counters_[static_cast<std::size_t>(reason)]->add_on_lane(lane, n);
  }
  /// Any thread but a lane.
  void drop(Reason reason, std::uint64_t n = 1) noexcept {
    counters_[static_cast<std::size_t>(reason)]->add(n);
  }

 private:
  std::array<Counter*, static_cast<std::size_t>(Reason::count_)> counters_{};
};

}  // namespace weft::overlay
