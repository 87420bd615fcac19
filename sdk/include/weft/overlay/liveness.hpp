#pragma once
/// Whether a peer lives, from heartbeats and silence. Pure state machines: every input carries the
/// time; nothing here sends or waits.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include <weft/loop.hpp>

namespace weft::overlay {

/// When heartbeats go out, and how long silence is bearable.
struct Pace {
  Duration probing{};    ///< between heartbeats until the peer answered one
  Duration heartbeat{};  ///< and afterwards
  Duration patience{};   ///< for its first sign of life: it may still be confirming
  Duration timeout{};    ///< afterwards
};

/// What the two peers agreed (see OverlayLink; 0: nothing), in place of what `otherwise` says of
/// it.
[[nodiscard]] Pace agreed_pace(std::chrono::milliseconds heartbeat,
                               std::chrono::milliseconds timeout, const Pace& otherwise);

/// Heartbeats to a peer and the silence from it. Only time in which the loop ran counts as silence:
/// when the loop stood still for longer than a heartbeat's interval, that time is added, and at
/// least one more interval is left to read what arrived meanwhile. The latter not twice in a row: a
/// loop that is always late must notice silence too.
class Liveness {
 public:
  struct Due {
    bool heartbeat = false;     ///< send one
    bool silence = false;       ///< the peer has been silent for too long: reported once
    Duration stalled{};         ///< how long the loop stood still; 0 when it did not
    TimePoint excused_until{};  ///< no peer is to blame before
  };

  explicit Liveness(const Pace& pace) : pace_(pace) {}

  /// Silence counts from now on. Nothing happens before, or the second time.
  void begin(TimePoint now);
  /// A heartbeat is due then, and others follow. After `begin`.
  void beat(TimePoint due);
  /// The peer was heard at that time. True the first time.
  bool heard(TimePoint at);
  /// The peer answered a heartbeat. True the first time.
  bool answered(TimePoint now);
  [[nodiscard]] Due on_timer(TimePoint now);
  /// When on_timer wants to be called.
  [[nodiscard]] std::optional<TimePoint> next_deadline() const;
  /// Nothing is due any more.
  void end();

  [[nodiscard]] bool is_begun() const noexcept { return begun_.has_value(); }
  [[nodiscard]] bool was_heard() const noexcept { return last_heard_.has_value(); }
  [[nodiscard]] bool is_answered() const noexcept { return is_answered_; }
  /// Silent for too long, and not heard since.
  [[nodiscard]] bool is_silent() const noexcept { return is_silent_; }
  /// Both ends heard each other, and no heartbeat is missing.
  [[nodiscard]] bool is_fresh(TimePoint now) const noexcept {
    return is_answered_ && last_heard_ && now - *last_heard_ < 2 * interval();
  }
  [[nodiscard]] const Pace& pace() const noexcept { return pace_; }
  /// Between heartbeats, as things are.
  [[nodiscard]] Duration interval() const noexcept {
    return is_answered_ ? pace_.heartbeat : pace_.probing;
  }

 private:
  const Pace pace_;
  std::optional<TimePoint> begun_;
  std::optional<TimePoint> last_heard_;
  bool is_answered_ = false;
  bool is_silent_ = false;
  bool was_stalled_ = false;  // at the last on_timer
  std::optional<TimePoint> heartbeat_due_;
  std::optional<TimePoint> silence_due_;
};

/// What a heartbeat carries that proves both directions.
struct Stamps {
  std::uint64_t stamp = 0;  ///< when it was sent, by the sender's clock; never 0
  std::uint64_t echo = 0;   ///< the newest stamp that the sender had from the receiver; 0: none

  bool operator==(const Stamps&) const = default;
};

/// Liveness by stamps: one that comes back proves both directions as of when it was sent. Peers
/// that are heard but hear nothing have failed too.
class StampedLiveness {
 public:
  enum class Defect : std::uint8_t {
    unanswered,  ///< no stamp ever came back
    silent,      ///< nothing arrives
    unheard,     ///< something arrives, but no stamp comes back
  };
  struct Due {
    bool heartbeat = false;  ///< send one, with stamp()
    std::optional<Defect> defect;
  };

  explicit StampedLiveness(const Pace& pace) : liveness_(pace) {}

  /// From now on somebody must answer within the pace's patience.
  void begin(TimePoint now);
  /// A heartbeat is due now, and others follow.
  void beat(TimePoint now) { liveness_.beat(now); }
  /// The stamp of the heartbeat that is sent now.
  [[nodiscard]] std::uint64_t stamp(TimePoint now);
  /// `at`: when something last arrived; `echo`: the newest one. Foreign: only a stamp that was sent
  /// counts. True the first time that one came back.
  bool heard(TimePoint at, std::uint64_t echo);
  [[nodiscard]] Due on_timer(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_deadline() const;

  [[nodiscard]] bool is_begun() const noexcept { return liveness_.is_begun(); }
  [[nodiscard]] bool is_established() const noexcept { return liveness_.is_answered(); }

 private:
  Liveness liveness_;
  std::uint64_t first_stamp_ = 0;  // 0: none was sent
  std::uint64_t last_stamp_ = 0;
  std::uint64_t proved_ = 0;  // the newest that came back
  std::optional<TimePoint> answer_due_;
};

/// What lanes heard of a peer, for the loop, which looks when its next heartbeat is due: nothing
/// has to wake it. `heard` is for lanes, the rest for any thread.
class Pulse {
 public:
  void heard(TimePoint now) noexcept {
    last_heard_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  void heard(const Stamps& stamps) noexcept {
    stamp_.store(stamps.stamp, std::memory_order_relaxed);
    echo_.store(stamps.echo, std::memory_order_relaxed);
  }

  /// The clock's zero before anything was heard.
  [[nodiscard]] TimePoint last_heard() const noexcept {
    return TimePoint(Duration(last_heard_.load(std::memory_order_relaxed)));
  }
  [[nodiscard]] Stamps stamps() const noexcept {
    return {stamp_.load(std::memory_order_relaxed), echo_.load(std::memory_order_relaxed)};
  }

 private:
  std::atomic<Duration::rep> last_heard_{0};
  std::atomic<std::uint64_t> stamp_{0};
  std::atomic<std::uint64_t> echo_{0};
};

}  // namespace weft::overlay
