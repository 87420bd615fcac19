/// A file for all attachments, of which each locks one octet: nothing grows, and nothing stays
/// locked when a process is killed. Source: Linux fs/locks.c, open file description locks.

#include "lock.hpp"

#include <fcntl.h>
#include <poll.h>

#include <cerrno>
#include <chrono>
#include <functional>

namespace weft::cni {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::minutes patience{1};  // longer than any call of the daemon takes
constexpr int pause_ms = 10;

struct flock lock_of(const AttachmentId& attachment) {
  struct flock range{};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  // Two attachments that meet in one octet only wait for each other.
  range.l_start = static_cast<off_t>(std::hash<std::string>{}(port_alias(attachment)) >> 2U);
  range.l_len = 1;
  return range;
}

std::string path_in(const std::string& directory) {
  return directory + "/cni.lock";
}

bool is_taken(int error) {
  return error == EAGAIN || error == EACCES;
}

}  // namespace

Result<AttachmentLock> AttachmentLock::take(const std::string& directory,
                                            const AttachmentId& attachment) {
  AttachmentLock held{
      ::open(path_in(directory).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  struct flock range = lock_of(attachment);
  const auto deadline = Clock::now() + patience;
  while (held.file_ && ::fcntl(held.file_.get(), F_OFD_SETLK, &range) != 0 && is_taken(errno)) {
    if (Clock::now() >= deadline) {
      return fail(Errc::timeout, "wait for another command for '" + attachment.interface +
                                     "' of container " + attachment.container_id +
                                     ", which is still running");
    }
    ::poll(nullptr, 0, pause_ms);
  }
  return held;
}

std::optional<bool> AttachmentLock::is_held(const std::string& directory,
                                            const AttachmentId& attachment) {
  const AttachmentLock file{::open(path_in(directory).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
  struct flock range = lock_of(attachment);
  if (!file.file_ || ::fcntl(file.file_.get(), F_OFD_GETLK, &range) != 0) {
    return std::nullopt;
  }
  return range.l_type != F_UNLCK;
}

}  // namespace weft::cni
