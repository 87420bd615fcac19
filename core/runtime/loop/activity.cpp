/// The calling thread's activity record.

#include "runtime/loop/activity.hpp"

namespace weft {
namespace {

thread_local Activity* current_activity = nullptr;

}  // namespace

void Activity::attach(Activity* activity) noexcept {
  current_activity = activity;
}

Activity::Reading Activity::read() const noexcept {
  // `since` belongs to an outermost scope; a torn pair is off by one handler, which is harmless.
  return {what_.load(std::memory_order_acquire),
          TimePoint{Duration{since_.load(std::memory_order_relaxed)}}};
}

ActivityScope::ActivityScope(const char* what) noexcept : activity_(current_activity) {
  if (activity_ == nullptr) {
    return;
  }
  outer_ = activity_->what_.load(std::memory_order_relaxed);
  if (outer_ == nullptr) {
    activity_->since_.store(std::chrono::steady_clock::now().time_since_epoch().count(),
                            std::memory_order_relaxed);
  }
  activity_->what_.store(what, std::memory_order_release);
}

ActivityScope::~ActivityScope() {
  if (activity_ != nullptr) {
    activity_->what_.store(outer_, std::memory_order_release);
  }
}

}  // namespace weft
