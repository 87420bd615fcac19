#pragma once
/// What a thread is doing right now, for the watchdog: a name and since when.

#include <atomic>
#include <chrono>

#include <weft/export.hpp>
#include <weft/loop.hpp>

namespace weft {

/// Written by one thread, read by any. `what` always points to text that outlives the thread.
class WEFT_EXPORT Activity {
 public:
  struct Reading {
    const char* what = nullptr;  ///< null while idle
    TimePoint since{};
  };

  /// Makes this the calling thread's activity, or none with null.
  static void attach(Activity* activity) noexcept;

  [[nodiscard]] Reading read() const noexcept;

 private:
  friend class ActivityScope;
  std::atomic<const char*> what_{nullptr};
  std::atomic<TimePoint::rep> since_{0};
};

/// Names what the calling thread does while the scope lasts; nests. On threads without an
/// Activity, such as in a simulation, it does nothing.
class WEFT_EXPORT ActivityScope {
 public:
  explicit ActivityScope(const char* what) noexcept;
  ~ActivityScope();
  ActivityScope(const ActivityScope&) = delete;
  ActivityScope& operator=(const ActivityScope&) = delete;

 private:
  Activity* activity_;
  const char* outer_ = nullptr;
};

}  // namespace weft
