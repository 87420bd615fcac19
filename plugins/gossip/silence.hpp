#pragma once
/// Declares a peer dead after too long a silence, and not when it was this node that slept. Pure.

#include <algorithm>

#include <weft/loop.hpp>

namespace weft::gossip {

/// Of a gap between two checks no more than twice the usual period counts, and a check that comes
/// late does not condemn: what arrived while the loop stood still is read before the next one. Only
/// a second late check in a row counts like any other.
class SilenceDetector {
 public:
  SilenceDetector(Duration timeout, Duration period, TimePoint now)
      : timeout_(timeout), period_(period), checked_(now) {}

  void heard() noexcept { silence_ = Duration::zero(); }

  /// Call about every `period`. Answers whether the peer has been silent for `timeout`.
  [[nodiscard]] bool is_dead(TimePoint now) noexcept {
    const Duration gap = now - checked_;
    const bool is_late = gap > 2 * period_;
    const bool is_excused = is_late && !was_late_;
    silence_ += std::min<Duration>(gap, 2 * period_);
    checked_ = now;
    was_late_ = is_late;
    return silence_ >= timeout_ && !is_excused;
  }

  [[nodiscard]] Duration timeout() const noexcept { return timeout_; }

 private:
  Duration timeout_;
  Duration period_;
  Duration silence_{};
  TimePoint checked_;
  bool was_late_ = false;
};

}  // namespace weft::gossip
