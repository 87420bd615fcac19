#pragma once
/// Tells when something happens to a file's name.

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <weft/loop.hpp>
#include <weft/result.hpp>

namespace weft::control {

/// Watches the directory of one path with inotify. Used and destroyed on the loop's thread.
class PathWatch {
 public:
  /// `changed` runs on the loop when a file of this path or its lock file was removed, replaced or
  /// moved, and when its directory was; the watch of a removed directory has ended. Errors: the
  /// errno of inotify.
  [[nodiscard]] static Result<PathWatch> open(Loop& loop, const std::string& path,
                                              std::function<void()> changed);

  PathWatch(PathWatch&&) noexcept = default;
  PathWatch& operator=(PathWatch&&) noexcept = default;
  ~PathWatch();

 private:
  struct State;
  explicit PathWatch(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

}  // namespace weft::control
