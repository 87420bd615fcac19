#pragma once
/// What the service manager is told, and when.

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace weft::daemon {

/// Says READY=1 when the node is ready. A node that stays degraded is said to be ready too, after
/// `patience`: it does what it can, and a service manager that waits for more would end it. What
/// it lacks is in STATUS. Source: sd_notify(3). Main thread.
class Readiness {
 public:
  /// Less than systemd's DefaultTimeoutStartSec of 90 s.
  static constexpr std::chrono::seconds patience{60};

  explicit Readiness(std::function<void(std::string_view)> notify) : notify_(std::move(notify)) {}

  void change(bool is_ready, const std::string& summary) {
    is_known_ = true;
    if (is_ready) {
      say_ready();
    }
    if (!is_ready || has_status_) {
      has_status_ = true;
      notify_("STATUS=" + summary);
    }
  }
  /// After `patience`.
  void end_patience() {
    if (is_known_) {
      say_ready();
    }
  }

 private:
  void say_ready() {
    if (!std::exchange(is_said_, true)) {
      notify_("READY=1");
    }
  }

  const std::function<void(std::string_view)> notify_;
  bool is_known_ = false;  // the first start of everything has been tried
  bool has_status_ = false;
  bool is_said_ = false;
};

}  // namespace weft::daemon
