#pragma once
/// One command at a time for one attachment.

#include <optional>
#include <string>

#include <weft/result.hpp>
#include <weft/unique_fd.hpp>

#include "common/attachment/attachment.hpp"

namespace weft::cni {

/// The specification forbids runtimes to run two commands for one attachment at once; some do. Held
/// until it is destroyed, or until the process ends in any way.
class [[nodiscard]] AttachmentLock {
 public:
  /// Waits for another holder, on any thread of any process. `directory` is that of the daemon's
  /// socket, where nobody but root may write; nothing is locked while it does not exist. Errors:
  /// Errc::timeout when the other does not end for a minute.
  [[nodiscard]] static Result<AttachmentLock> take(const std::string& directory,
                                                   const AttachmentId& attachment);

  /// Whether another process has it. Empty when it cannot be told, as before the first command.
  [[nodiscard]] static std::optional<bool> is_held(const std::string& directory,
                                                   const AttachmentId& attachment);

 private:
  explicit AttachmentLock(int fd) : file_(fd) {}

  UniqueFd file_;  // empty: nothing is locked
};

}  // namespace weft::cni
