/// Creates the control socket's path and removes it again.

#include "runtime/control/socket_path.hpp"

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

std::string attempt_at(const std::string& path) {
  return "create control socket '" + path + "'";
}

/// Whoever may write to the directory may replace the socket and pose as weftd.
Result<> check_parent(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const std::string attempt = attempt_at(path);
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
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return fail(ENAMETOOLONG, attempt_at(path));
  }
  ListeningSocket made;
  made.path_ = std::move(path);
  WEFT_TRY(made.lock());
  WEFT_TRY(made.bind());
  return made;
}

std::optional<ListeningSocket::FileId> ListeningSocket::file_at(const std::string& path) noexcept {
  struct stat info{};
  return ::lstat(path.c_str(), &info) < 0 ? std::nullopt
                                          : std::optional(FileId{info.st_dev, info.st_ino});
}

Result<> ListeningSocket::lock() {
  WEFT_TRY(check_parent(path_));
  const std::string lock_path = path_ + ".lock";
  const int made = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (made < 0) {
    return fail(errno, "open '" + lock_path + "'");
  }
  if (::flock(made, LOCK_EX | LOCK_NB) < 0) {
    ::close(made);
    return fail(Errc::conflict, attempt_at(path_) + ": another weftd serves it");
  }
  if (lock_ >= 0) {
    ::close(lock_);
  }
  lock_ = made;
  return {};
}

Result<> ListeningSocket::bind() {
  WEFT_TRY(remove_stale(path_));
  socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket_ < 0) {
    return fail(errno, attempt_at(path_));
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  // The inode takes the socket's mode less the umask: never wider than wanted, not for a moment.
  if (::fchmod(socket_, 0660) < 0 ||
      ::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
    return fail(errno, attempt_at(path_));
  }
  file_ = file_at(path_);
  if (::chmod(path_.c_str(), 0660) < 0 || ::listen(socket_, backlog) < 0) {
    return fail(errno, attempt_at(path_));
  }
  return {};
}

bool ListeningSocket::is_in_place() const noexcept {
  struct stat ours{};
  const bool has_lock = lock_ >= 0 && ::fstat(lock_, &ours) == 0 &&
                        file_at(path_ + ".lock") == FileId{ours.st_dev, ours.st_ino};
  return has_lock && file_ && file_at(path_) == file_;
}

Result<> ListeningSocket::remake() {
  struct stat ours{};
  if (lock_ < 0 || ::fstat(lock_, &ours) < 0 ||
      file_at(path_ + ".lock") != FileId{ours.st_dev, ours.st_ino}) {
    WEFT_TRY(lock());
  }
  if (socket_ >= 0) {
    ::close(std::exchange(socket_, -1));
  }
  file_.reset();
  return bind();
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      file_(std::exchange(other.file_, std::nullopt)),
      socket_(std::exchange(other.socket_, -1)),
      lock_(std::exchange(other.lock_, -1)) {}

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  if (this != &other) {
    close();
    path_ = std::exchange(other.path_, {});
    file_ = std::exchange(other.file_, std::nullopt);
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
  if (file_ && file_at(path_) == file_) {  // or it is somebody else's by now
    ::unlink(path_.c_str());
  }
  for (int* const fd : {&socket_, &lock_}) {
    if (*fd >= 0) {
      ::close(std::exchange(*fd, -1));
    }
  }
}

}  // namespace weft::control
