#pragma once
/// Keeps what strangers can cause from filling the log: a few lines, then one for many. Pure.

#include <cstdint>
#include <optional>
#include <utility>

#include "gossip/token_bucket.hpp"

namespace weft::gossip {

class LogLimiter {
 public:
  static constexpr int burst = 10;
  static constexpr Duration period = std::chrono::seconds{1};

  explicit LogLimiter(TimePoint now) : lines_(burst, period, now) {}

  /// Call for each line. Answers how many were left out since the last one that was written;
  /// nothing when this one is left out, too.
  [[nodiscard]] std::optional<std::uint64_t> admit(TimePoint now) noexcept {
    if (!lines_.try_take(now)) {
      ++left_out_;
      return std::nullopt;
    }
    return std::exchange(left_out_, 0);
  }

 private:
  TokenBucket lines_;
  std::uint64_t left_out_ = 0;
};

}  // namespace weft::gossip
