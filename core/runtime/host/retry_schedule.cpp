/// Doubles the wait before each attempt.

#include "runtime/host/retry_schedule.hpp"

#include <algorithm>

namespace weft::host {

TimePoint RetrySchedule::failed(const std::string& name, TimePoint now, Duration ran) {
  Plugin& plugin = plugins_[name];
  const bool is_first = plugin.wait == Duration::zero() || ran >= sound_after;
  plugin.wait = is_first ? first_wait : std::min<Duration>(plugin.wait * 2, longest_wait);
  plugin.at = now + plugin.wait;
  return *plugin.at;
}

std::vector<std::string> RetrySchedule::take_due(TimePoint now) {
  std::vector<std::string> due;
  for (auto& [name, plugin] : plugins_) {
    if (plugin.at && *plugin.at <= now) {
      plugin.at.reset();
      due.push_back(name);
    }
  }
  return due;
}

std::optional<TimePoint> RetrySchedule::next() const {
  std::optional<TimePoint> next;
  for (const auto& [name, plugin] : plugins_) {
    if (plugin.at && (!next || *plugin.at < *next)) {
      next = plugin.at;
    }
  }
  return next;
}

}  // namespace weft::host
