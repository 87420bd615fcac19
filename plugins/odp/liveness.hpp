#pragma once
/// Whether a connection's fast path works: heartbeats, and what follows from them. A pure state
/// machine: every input carries the time and returns what to do.
///
/// Source: weaveworks/weave router/fastdp.go, fastDatapathForwarder. Deliberately different:
/// between weft peers the agreed heartbeat and timeout replace the original's; while unhealthy,
/// heartbeats keep their pace, so that the fast path is back as soon as it works.

#include <chrono>
#include <optional>

#include <weft/loop.hpp>

namespace weft::odp {

/// What an input asks for; in this order.
struct LivenessActions {
  bool send_heartbeat = false;
  bool send_ack = false;
  bool is_established = false;  ///< now, and not before
};

/// Used on one thread.
class Liveness {
 public:
  /// Zero durations: a peer without them, which has the original's.
  Liveness(std::chrono::milliseconds heartbeat, std::chrono::milliseconds timeout);

  /// The connection was accepted: heartbeats begin.
  [[nodiscard]] LivenessActions confirm(TimePoint now);
  /// A heartbeat of the peer arrived.
  [[nodiscard]] LivenessActions heard(TimePoint now);
  /// The peer heard ours.
  [[nodiscard]] LivenessActions acknowledged(TimePoint now);
  [[nodiscard]] LivenessActions on_timer(TimePoint now);
  /// When on_timer wants to be called.
  [[nodiscard]] std::optional<TimePoint> next_deadline() const;

  [[nodiscard]] bool is_established() const noexcept { return is_established_; }
  [[nodiscard]] bool is_healthy() const noexcept { return is_healthy_; }
  /// Whether the path worked until just now: no heartbeat that was agreed is missing.
  [[nodiscard]] bool is_fresh(TimePoint now) const noexcept {
    return is_agreed_ && is_established_ && now - last_heard_ < 2 * interval_;
  }

 private:
  const bool is_agreed_;
  Duration interval_;
  const Duration interval_after_ack_;
  const Duration timeout_;
  TimePoint last_heard_{};
  bool is_confirmed_ = false;
  bool has_acknowledged_ = false;
  bool is_established_ = false;
  bool is_healthy_ = true;
  std::optional<TimePoint> heartbeat_due_;
  std::optional<TimePoint> silence_due_;
};

}  // namespace weft::odp
