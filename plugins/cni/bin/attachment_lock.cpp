/// A file for all attachments, of which each locks one octet: nothing grows, and nothing stays
/// locked when a process is killed. Source: Linux fs/locks.c, open file description locks.

#include "attachment_lock.hpp"

#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>

#include <fcntl.h>

namespace weft::cni {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::minutes patience{1};  // longer than any call of the daemon takes
constexpr int pause_ms = 10;

bool lock(int fd, std::int64_t octet) {
  struct flock range{};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = octet;
  range.l_len = 1;
  return ::fcntl(fd, F_OFD_SETLK, &range) == 0;
}

bool is_taken(int error) {
  return error == EAGAIN || error == EACCES;
}

}  // namespace

Outcome<AttachmentLock> AttachmentLock::take(const std::string& directory,
                                             const AttachmentId& attachment) {
  const std::string path = directory + "/cni.lock";
  AttachmentLock held{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  // Two attachments that meet in one octet only wait for each other.
  const auto octet =
      static_cast<std::int64_t>(std::hash<std::string>{}(port_alias(attachment)) >> 2U);
  const auto deadline = Clock::now() + patience;
  while (held.fd_ >= 0 && !lock(held.fd_, octet) && is_taken(errno)) {
    if (Clock::now() >= deadline) {
      return refuse(Code::try_again_later, "another command for '" + attachment.interface +
                                               "' of container " + attachment.container_id +
                                               " is still running");
    }
    ::poll(nullptr, 0, pause_ms);
  }
  return held;
}

AttachmentLock::~AttachmentLock() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

}  // namespace weft::cni
