/// Heartbeats, silence, and what a loop that stood still may conclude of it.

#include <weft/overlay/liveness.hpp>

#include <algorithm>
#include <utility>

namespace weft::overlay {
namespace {

std::uint64_t number(TimePoint time) noexcept {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

std::optional<TimePoint> earlier(const std::optional<TimePoint>& a,
                                 const std::optional<TimePoint>& b) noexcept {
  return a && b ? std::min(a, b) : (a ? a : b);
}

}  // namespace

Pace agreed_pace(std::chrono::milliseconds heartbeat, std::chrono::milliseconds timeout,
                 const Pace& otherwise) {
  Pace pace = otherwise;
  if (heartbeat.count() > 0) {
    pace.probing = heartbeat;
    pace.heartbeat = heartbeat;
  }
  if (timeout.count() > 0) {
    pace.timeout = timeout;
  }
  return pace;
}

void Liveness::begin(TimePoint now) {
  if (!begun_) {
    begun_ = now;
    silence_due_ = now + pace_.patience;
  }
}

void Liveness::beat(TimePoint due) {
  if (begun_) {
    heartbeat_due_ = due;
  }
}

bool Liveness::heard(TimePoint at) {
  if (!begun_ || at < *begun_ || (last_heard_ && at <= *last_heard_)) {
    return false;
  }
  silence_due_ = at + pace_.timeout;
  is_silent_ = false;
  return !std::exchange(last_heard_, at);
}

bool Liveness::answered(TimePoint now) {
  if (!begun_ || std::exchange(is_answered_, true)) {
    return false;
  }
  if (heartbeat_due_ && pace_.heartbeat != pace_.probing) {
    heartbeat_due_ = now + pace_.heartbeat;
  }
  return true;
}

Liveness::Due Liveness::on_timer(TimePoint now) {
  Due due;
  const auto asked = next_deadline();
  if (asked && now - *asked > interval()) {
    due.stalled = now - *asked;
  }
  const bool is_stalled = due.stalled != Duration{};
  if (is_stalled && !was_stalled_) {
    due.excused_until = now + interval();
  }
  was_stalled_ = is_stalled;
  if (silence_due_) {
    silence_due_ = std::max(*silence_due_ + due.stalled, due.excused_until);
    if (*silence_due_ <= now) {
      silence_due_.reset();
      is_silent_ = true;
      due.silence = true;
    }
  }
  if (heartbeat_due_ && *heartbeat_due_ <= now) {
    heartbeat_due_ = now + interval();
    due.heartbeat = true;
  }
  return due;
}

std::optional<TimePoint> Liveness::next_deadline() const {
  return earlier(heartbeat_due_, silence_due_);
}

void Liveness::end() {
  heartbeat_due_.reset();
  silence_due_.reset();
}

void StampedLiveness::begin(TimePoint now) {
  if (!is_begun()) {
    liveness_.begin(now);
    answer_due_ = now + liveness_.pace().patience;
  }
}

std::uint64_t StampedLiveness::stamp(TimePoint now) {
  last_stamp_ = number(now);
  first_stamp_ = first_stamp_ == 0 ? last_stamp_ : first_stamp_;
  return last_stamp_;
}

bool StampedLiveness::heard(TimePoint at, std::uint64_t echo) {
  liveness_.heard(at);
  if (first_stamp_ == 0 || echo < first_stamp_ || echo > last_stamp_ || echo <= proved_) {
    return false;
  }
  proved_ = echo;
  const TimePoint sent{Duration(static_cast<Duration::rep>(echo))};
  // An echo waits for up to a heartbeat's interval on either side.
  answer_due_ = sent + liveness_.pace().timeout + 2 * liveness_.pace().heartbeat;
  return liveness_.answered(sent);
}

StampedLiveness::Due StampedLiveness::on_timer(TimePoint now) {
  const Liveness::Due due = liveness_.on_timer(now);
  Due result{.heartbeat = due.heartbeat, .defect = std::nullopt};
  if (answer_due_) {
    answer_due_ = std::max(*answer_due_ + due.stalled, due.excused_until);
  }
  if (due.silence && is_established()) {
    result.defect = Defect::silent;
  } else if (due.silence || (answer_due_ && *answer_due_ <= now)) {
    result.defect = is_established() ? Defect::unheard : Defect::unanswered;
  }
  if (result.defect) {
    answer_due_.reset();
  }
  return result;
}

std::optional<TimePoint> StampedLiveness::next_deadline() const {
  return earlier(liveness_.next_deadline(), answer_due_);
}

}  // namespace weft::overlay
