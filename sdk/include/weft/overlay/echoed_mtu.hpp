#pragma once
/// How large a packet may be to reach a peer, for overlays whose heartbeats have several sizes and
/// say what arrives. Pure state machines: every input carries the time; nothing here sends or
/// waits.
///
/// A heartbeat says two things besides: the MTU of its sender's pods, and the largest heartbeat of
/// the receiver that arrived lately. So each side knows what gets through of what it sends, also
/// when only one direction is cut.

#include <cstdint>
#include <optional>
#include <vector>

#include <weft/loop.hpp>

namespace weft::overlay {

/// What one heartbeat says. Sizes count as MTUs: without the Ethernet header.
struct MtuEcho {
  std::uint32_t mtu = 0;    ///< of its sender's pods
  std::uint32_t heard = 0;  ///< the largest of ours that arrived lately; 0: none

  bool operator==(const MtuEcho&) const = default;
};

/// The largest heartbeat that arrived within `window`: what the peer is told. Used on one thread.
class MtuHearing {
 public:
  explicit MtuHearing(Duration window) : window_(window) {}

  /// True when `largest` rose: news that the peer waits for.
  [[nodiscard]] bool heard(std::uint32_t size, TimePoint now);
  [[nodiscard]] std::uint32_t largest(TimePoint now) const;

 private:
  struct Arrival {
    std::uint32_t size = 0;
    TimePoint at{};
  };
  [[nodiscard]] std::uint32_t if_recent(const Arrival& arrival, TimePoint now) const;

  const Duration window_;
  Arrival largest_;
  Arrival last_;
};

/// Finds the path MTU by heartbeats of several sizes at once. Used on one thread.
class EchoedMtu {
 public:
  /// No path with less is used.
  static constexpr std::uint32_t floor = 552;
  /// The search ends when it knows the MTU this exactly, in bytes.
  static constexpr std::uint32_t precision = 8;
  /// Sizes of one round.
  static constexpr std::uint32_t width = 8;
  /// A path that carries less than both peers want is tried again after this.
  static constexpr Duration upward_interval = std::chrono::minutes{10};

  /// `own`: MTU of this node's pods. `patience`: how long a heartbeat and its echo may take.
  EchoedMtu(std::uint32_t own, Duration patience);

  void set_own(std::uint32_t own);
  /// The sizes of the heartbeats that are due now, the largest first.
  [[nodiscard]] std::vector<std::uint32_t> sizes(TimePoint now);
  void on_echo(const MtuEcho& echo, TimePoint now);
  /// The peer is not heard any more: nobody knows what arrives there.
  void on_silence();

  /// What limited the path may be gone: larger sizes are tried next, while what passes is in use.
  void search_again() { next_search_ = {}; }

  /// Less passes than the pods of both peers want, or nothing is known to.
  [[nodiscard]] bool is_narrow() const noexcept { return mtu_ < top_; }
  /// Of both peers' pods and of the path. 0 while nothing is known to pass.
  [[nodiscard]] std::uint32_t mtu() const noexcept { return mtu_; }

 private:
  void limit(std::uint32_t top);
  void start_over(std::uint32_t good);
  void begin_round(TimePoint now);
  void end_round(TimePoint now);
  void settle(TimePoint now);

  std::uint32_t own_;
  std::uint32_t peers_ = UINT32_MAX;  // MTU of the peer's pods
  const Duration patience_;
  std::uint32_t top_;       // the smaller of both
  std::uint32_t good_ = 0;  // passes; 0: nothing known to
  std::uint32_t bad_;       // does not
  std::uint32_t mtu_ = 0;
  std::vector<std::uint32_t> round_;  // sizes on trial, the largest first
  std::optional<TimePoint> round_end_;
  TimePoint next_search_{};
};

}  // namespace weft::overlay
