/// Sends heartbeats and judges when they come back.

#include "runtime/host/watchdog.hpp"

namespace weft::host {

Heartbeat::Verdict Heartbeat::check(Loop& loop, TimePoint now) {
  if (!answered_->load(std::memory_order_acquire)) {
    const Duration waited = now - sent_;
    if (waited < late_after) {
      return Verdict::fine;
    }
    const bool is_news = !std::exchange(was_late_, true);
    return waited >= dead_after ? Verdict::dead : is_news ? Verdict::late : Verdict::still_late;
  }
  sent_ = now;
  answered_->store(false, std::memory_order_relaxed);
  loop.post([answered = answered_] { answered->store(true, std::memory_order_release); });
  return std::exchange(was_late_, false) ? Verdict::recovered : Verdict::fine;
}

Duration Heartbeat::lateness(TimePoint now) const noexcept {
  return answered_->load(std::memory_order_acquire) ? Duration{0} : now - sent_;
}

}  // namespace weft::host
