/// Locks the directory itself: that needs no space, no right to write, and no file that a clean-up
/// could take away. Source: Linux flock(2), proc_locks(5).

#include "runtime/host/state_lock.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace weft::host {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds patience{1};  // the kernel still clears up a process that was killed
constexpr int pause_ms = 10;

/// The errno; 0: it is locked.
int try_lock(const UniqueFd& directory) {
  return ::flock(directory.get(), LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
}

UniqueFd open_directory(const std::string& path) {
  return UniqueFd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
}

/// "process 17 (weftd)"; "another process" when the kernel does not show it here, as one in another
/// PID namespace.
std::string holder_of(const UniqueFd& directory) {
  struct stat info{};
  ::fstat(directory.get(), &info);
  const std::string place =
      fmt::format("{:02x}:{:02x}:{}", major(info.st_dev), minor(info.st_dev), info.st_ino);
  std::ifstream locks("/proc/locks");
  std::string id, kind, mode, access, process, file, start, end;
  while (locks >> id >> kind) {
    if (kind == "->") {  // one that waits for the lock above
      locks >> kind;
    }
    locks >> mode >> access >> process >> file >> start >> end;
    if (kind == "FLOCK" && file == place) {
      std::string name;
      std::getline(std::ifstream("/proc/" + process + "/comm"), name);
      return fmt::format("process {} ({})", process, name);
    }
  }
  return "another process";
}

}  // namespace

Result<StateLock> StateLock::take(std::string directory) {
  std::error_code unmade;
  std::filesystem::create_directories(directory, unmade);
  if (unmade) {
    return tl::unexpected(
        Error{unmade, fmt::format("make directory '{}' (host.state-directory)", directory)});
  }
  UniqueFd held = open_directory(directory);
  if (!held) {
    return fail(errno, fmt::format("open directory '{}' (host.state-directory)", directory));
  }
  const auto deadline = Clock::now() + patience;
  int error = try_lock(held);
  while (error == EWOULDBLOCK && Clock::now() < deadline) {
    ::poll(nullptr, 0, pause_ms);
    error = try_lock(held);
  }
  if (error == EWOULDBLOCK) {
    return fail(Errc::conflict,
                fmt::format("use the state directory '{}': {} holds it, and two nodes on one would "
                            "give out the same addresses; stop that one, or give this node a "
                            "host.state-directory of its own",
                            directory, holder_of(held)));
  }
  if (error != 0) {
    return fail(error, fmt::format("lock the state directory '{}'", directory));
  }
  return StateLock{std::move(directory), std::move(held)};
}

void StateLock::keep() {
  struct stat ours{};
  struct stat there{};
  if (::fstat(held_.get(), &ours) != 0 || ::stat(directory_.c_str(), &there) != 0 ||
      (ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)) {
    return;
  }
  UniqueFd next = open_directory(directory_);
  if (next && try_lock(next) == 0) {
    held_ = std::move(next);
  }
}

}  // namespace weft::host
