#pragma once
/// Tells when something happens to a file's name.

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <weft/loop.hpp>
#include <weft/result.hpp>
#include <weft/unique_fd.hpp>

namespace weft::control {

/// Watches the directory of one path with inotify. Used and destroyed on the loop's thread.
class PathWatch {
 public:
  /// `changed` runs on the loop when a file of this path or its lock file was removed, replaced or
  /// moved, and when its directory was; the watch of a removed directory has ended. Errors: the
  /// errno of inotify.
  [[nodiscard]] static Result<PathWatch> open(Loop& loop, const std::string& path,
                                              std::function<void()> changed);

 private:
  PathWatch(UniqueFd inotify, FdWatch events)
      : inotify_(std::move(inotify)), events_(std::move(events)) {}

  UniqueFd inotify_;
  FdWatch events_;  // last: it ends before the descriptor is closed
};

}  // namespace weft::control
