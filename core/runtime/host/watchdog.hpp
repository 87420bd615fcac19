#pragma once
/// Notices loops that no longer turn.

#include <atomic>
#include <memory>
#include <string>

#include <weft/loop.hpp>

namespace weft::host {

/// The heartbeat of one loop: a task posted to it, and how long it takes to run.
class WEFT_EXPORT Heartbeat {
 public:
  enum class Verdict : std::uint8_t {
    fine,
    late,  ///< for the first time since it was fine: say so
    still_late,
    dead,       ///< so late that only a restart helps
    recovered,  ///< it was late and runs again
  };

  static constexpr Duration late_after = std::chrono::seconds{5};
  static constexpr Duration dead_after = std::chrono::seconds{30};

  /// Judges the heartbeat sent last and sends the next when that one was answered. Call about once
  /// a second, on one thread.
  [[nodiscard]] Verdict check(Loop& loop, TimePoint now);

  /// How long the current heartbeat has been waiting. 0 when none is.
  [[nodiscard]] Duration lateness(TimePoint now) const noexcept;

 private:
  std::shared_ptr<std::atomic<bool>> answered_ = std::make_shared<std::atomic<bool>>(true);
  TimePoint sent_{};
  bool was_late_ = false;
};

}  // namespace weft::host
