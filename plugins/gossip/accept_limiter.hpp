#pragma once
/// How fast connections may be accepted: a bucket of tokens that fills at a steady rate. Pure.
/// Source: weaveworks/mesh token_bucket.go.

#include <algorithm>
#include <chrono>

#include <weft/loop.hpp>

namespace weft::gossip {

class AcceptLimiter {
 public:
  static constexpr int capacity = 20;
  static constexpr Duration token_period = std::chrono::milliseconds{50};

  explicit AcceptLimiter(TimePoint now) : filled_(now) {}

  /// Takes the token of a connection just accepted. Answers how long to wait before the next one.
  [[nodiscard]] Duration take(TimePoint now) noexcept {
    const auto earned = (now - filled_) / token_period;
    filled_ += earned * token_period;
    tokens_ = static_cast<int>(std::min<std::int64_t>(capacity, tokens_ + earned)) - 1;
    return tokens_ > 0 ? Duration::zero() : (1 - tokens_) * token_period;
  }

 private:
  int tokens_ = capacity;
  TimePoint filled_;
};

}  // namespace weft::gossip
