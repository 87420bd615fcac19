/// Heartbeats, acknowledgement and silence of one fast path.

#include "liveness.hpp"

#include <algorithm>

namespace weft::odp {
namespace {

using namespace std::chrono_literals;

// Source: weaveworks/weave router/fastdp.go, router/sleeve.go: FastHeartbeat, SlowHeartbeat,
// HeartbeatTimeout.
constexpr Duration fast_heartbeat = 500ms;
constexpr Duration slow_heartbeat = 10s;
constexpr Duration original_timeout = 60s;

}  // namespace

Liveness::Liveness(std::chrono::milliseconds heartbeat, std::chrono::milliseconds timeout)
    : is_agreed_(heartbeat.count() > 0),
      interval_(heartbeat.count() > 0 ? Duration(heartbeat) : fast_heartbeat),
      interval_after_ack_(heartbeat.count() > 0 ? Duration(heartbeat) : slow_heartbeat),
      timeout_(timeout.count() > 0 ? Duration(timeout) : original_timeout) {}

LivenessActions Liveness::confirm(TimePoint now) {
  if (is_confirmed_) {
    return {};
  }
  is_confirmed_ = true;
  heartbeat_due_ = now + interval_;
  silence_due_ = now + original_timeout;  // the peer may still be confirming
  return {.send_heartbeat = true};
}

LivenessActions Liveness::heard(TimePoint now) {
  LivenessActions actions;
  if (!is_confirmed_) {
    return actions;
  }
  last_heard_ = now;
  silence_due_ = now + timeout_;
  actions.send_ack = !std::exchange(has_acknowledged_, true);
  is_healthy_ = true;
  return actions;
}

LivenessActions Liveness::acknowledged(TimePoint now) {
  if (!is_confirmed_ || std::exchange(is_established_, true)) {
    return {};
  }
  interval_ = interval_after_ack_;
  heartbeat_due_ = now + interval_;
  return {.is_established = true};
}

LivenessActions Liveness::on_timer(TimePoint now) {
  LivenessActions actions;
  if (silence_due_ && *silence_due_ <= now) {
    // A loop that was stalled for long cannot blame the peer.
    const bool was_asleep = now - *silence_due_ > interval_;
    silence_due_ = was_asleep ? std::optional(now + timeout_) : std::nullopt;
    actions.send_heartbeat = is_agreed_ && !was_asleep;  // it tells the peer that we hear nothing
    is_healthy_ = is_healthy_ && was_asleep;
  }
  if (heartbeat_due_ && *heartbeat_due_ <= now) {
    heartbeat_due_ = now + interval_;
    actions.send_heartbeat = true;
  }
  return actions;
}

std::optional<TimePoint> Liveness::next_deadline() const {
  if (!heartbeat_due_ || !silence_due_) {
    return heartbeat_due_ ? heartbeat_due_ : silence_due_;
  }
  return std::min(*heartbeat_due_, *silence_due_);
}

}  // namespace weft::odp
