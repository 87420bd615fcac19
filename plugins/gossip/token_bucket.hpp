#pragma once
/// A bucket of tokens that fills at a steady rate: how often something may happen. Pure.
/// Source: weaveworks/mesh token_bucket.go.

#include <algorithm>

#include <weft/loop.hpp>

namespace weft::gossip {

class TokenBucket {
 public:
  /// Starts full. One token comes back every `period`.
  TokenBucket(int capacity, Duration period, TimePoint now)
      : capacity_(capacity), period_(period), tokens_(capacity), filled_(now) {}

  /// Takes a token if there is one.
  [[nodiscard]] bool try_take(TimePoint now) noexcept {
    fill(now);
    if (tokens_ <= 0) {
      return false;
    }
    --tokens_;
    return true;
  }
  [[nodiscard]] bool is_full(TimePoint now) const noexcept {
    return tokens_ + (now - filled_) / period_ >= capacity_;
  }

 private:
  void fill(TimePoint now) noexcept {
    const auto earned = (now - filled_) / period_;
    filled_ += earned * period_;
    tokens_ = static_cast<int>(std::min<std::int64_t>(capacity_, tokens_ + earned));
  }

  int capacity_;
  Duration period_;
  int tokens_;
  TimePoint filled_;
};

}  // namespace weft::gossip
