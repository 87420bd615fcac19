/// Creates the control socket's path and removes it again.

#include "control/socket_path.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace weft::control {
namespace {

constexpr int backlog = 64;

/// Whoever may write to the directory may replace the socket and pose as weftd.
Result<> check_parent(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const std::string attempt = "create control socket '" + path + "'";
  struct stat info{};
  if (::stat(parent.empty() ? "." : parent.c_str(), &info) < 0) {
    return fail(errno, attempt);
  }
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    return fail(Errc::denied, attempt + ": its directory belongs to user " +
                                  std::to_string(info.st_uid) + ", not to root or weftd");
  }
  if ((info.st_mode & S_IWOTH) != 0 && (info.st_mode & S_ISVTX) == 0) {
    return fail(Errc::denied, attempt + ": everyone may write to its directory");
  }
  return {};
}

/// Under the lock, whatever socket is at the path has no living owner.
Result<> remove_stale(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) < 0) {
    return errno == ENOENT ? Result<>{} : fail(errno, "look at '" + path + "'");
  }
  if (!S_ISSOCK(info.st_mode)) {
    return fail(Errc::conflict,
                "create control socket '" + path + "': something else is at that path");
  }
  if (::unlink(path.c_str()) < 0) {
    return fail(errno, "remove stale control socket '" + path + "'");
  }
  return {};
}

}  // namespace

Result<ListeningSocket> ListeningSocket::open(std::string path) {
  const std::string attempt = "create control socket '" + path + "'";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return fail(ENAMETOOLONG, attempt);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  WEFT_TRY(check_parent(path));

  ListeningSocket made;
  const std::string lock_path = path + ".lock";
  made.lock_ = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (made.lock_ < 0) {
    return fail(errno, "open '" + lock_path + "'");
  }
  if (::flock(made.lock_, LOCK_EX | LOCK_NB) < 0) {
    return fail(Errc::conflict, attempt + ": another weftd serves it");
  }
  WEFT_TRY(remove_stale(path));
  made.socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (made.socket_ < 0) {
    return fail(errno, attempt);
  }
  // The inode takes the socket's mode less the umask: never wider than wanted, not for a moment.
  if (::fchmod(made.socket_, 0660) < 0 ||
      ::bind(made.socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
    return fail(errno, attempt);
  }
  made.path_ = std::move(path);
  if (::chmod(made.path_.c_str(), 0660) < 0 || ::listen(made.socket_, backlog) < 0) {
    return fail(errno, attempt);
  }
  return made;
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      socket_(std::exchange(other.socket_, -1)),
      lock_(std::exchange(other.lock_, -1)) {}

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  if (this != &other) {
    close();
    path_ = std::exchange(other.path_, {});
    socket_ = std::exchange(other.socket_, -1);
    lock_ = std::exchange(other.lock_, -1);
  }
  return *this;
}

ListeningSocket::~ListeningSocket() {
  close();
}

int ListeningSocket::release_descriptor() noexcept {
  return std::exchange(socket_, -1);
}

void ListeningSocket::close() noexcept {
  if (!path_.empty()) {
    ::unlink(path_.c_str());
  }
  for (int* const fd : {&socket_, &lock_}) {
    if (*fd >= 0) {
      ::close(std::exchange(*fd, -1));
    }
  }
}

}  // namespace weft::control
