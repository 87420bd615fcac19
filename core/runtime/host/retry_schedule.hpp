#pragma once
/// When plugins that failed are started again. Pure.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <weft/export.hpp>
#include <weft/loop.hpp>

namespace weft::host {

/// The wait doubles from attempt to attempt. Main thread.
class WEFT_EXPORT RetrySchedule {
 public:
  static constexpr Duration first_wait = std::chrono::seconds{1};
  static constexpr Duration longest_wait = std::chrono::seconds{30};
  /// A plugin that has run for this long begins with the first wait again.
  static constexpr Duration sound_after = std::chrono::minutes{1};

  /// `name` failed after it had run for `ran`. Returns when to start it again.
  TimePoint failed(const std::string& name, TimePoint now, Duration ran);
  /// Takes out the plugins whose time has come; their waits go on growing when they fail again.
  [[nodiscard]] std::vector<std::string> take_due(TimePoint now);
  /// When the next of them is due, if one is.
  [[nodiscard]] std::optional<TimePoint> next() const;
  /// Every plugin begins anew.
  void clear() { plugins_.clear(); }

 private:
  struct Plugin {
    Duration wait{};              ///< before the last attempt
    std::optional<TimePoint> at;  ///< of the next attempt
  };

  std::map<std::string, Plugin> plugins_;
};

}  // namespace weft::host
