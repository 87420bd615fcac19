#pragma once
/// One command at a time for one attachment.

#include <optional>
#include <string>
#include <utility>

#include "common/attachment/attachment.hpp"
#include "failure.hpp"

namespace weft::cni {

/// The specification forbids runtimes to run two commands for one attachment at once; some do. Held
/// until it is destroyed, or until the process ends in any way.
class [[nodiscard]] AttachmentLock {
 public:
  /// Waits for another holder, on any thread of any process. `directory` is that of the daemon's
  /// socket, where nobody but root may write; nothing is locked while it does not exist. Errors:
  /// Code::try_again_later when the other does not end for a minute.
  [[nodiscard]] static Outcome<AttachmentLock> take(const std::string& directory,
                                                    const AttachmentId& attachment);

  /// Whether another process has it. Empty when it cannot be told, as before the first command.
  [[nodiscard]] static std::optional<bool> is_held(const std::string& directory,
                                                   const AttachmentId& attachment);

  AttachmentLock(AttachmentLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  AttachmentLock& operator=(AttachmentLock&&) = delete;
  ~AttachmentLock();

 private:
  explicit AttachmentLock(int fd) : fd_(fd) {}

  int fd_;  // -1: nothing is locked
};

}  // namespace weft::cni
