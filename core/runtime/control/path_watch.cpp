/// Reads inotify events of a directory.

#include "runtime/control/path_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

namespace weft::control {
namespace {

/// Reads what is there, and says whether some of it is about a file called `name` or its lock file.
bool read_events(int inotify, const std::string& name) {
  alignas(inotify_event) std::array<char, 4096> events{};
  const ssize_t got = ::read(inotify, events.data(), events.size());
  bool is_ours = false;
  inotify_event event{};
  for (ssize_t at = 0; at + static_cast<ssize_t>(sizeof event) <= got;
       at += static_cast<ssize_t>(sizeof event + event.len)) {
    std::memcpy(&event, events.data() + at, sizeof event);
    const std::string_view whole{events.data() + at + sizeof event, event.len};
    const std::string_view file = whole.substr(0, whole.find('\0'));
    is_ours = is_ours || file.empty() || file == name || file == name + ".lock";
  }
  return is_ours;
}

}  // namespace

Result<PathWatch> PathWatch::open(Loop& loop, const std::string& path,
                                  std::function<void()> changed) {
  const std::filesystem::path whole(path);
  const std::string parent = whole.has_parent_path() ? whole.parent_path().string() : ".";
  const std::string attempt = "watch directory '" + parent + "'";
  UniqueFd inotify{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
  if (inotify.get() < 0 ||
      ::inotify_add_watch(inotify.get(), parent.c_str(),
                          IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
                              IN_ONLYDIR) < 0) {
    return fail(errno, attempt);
  }
  FdWatch events;
  WEFT_TRY(events, loop.watch(inotify.get(), {.readable = true},
                              [fd = inotify.get(), name = whole.filename().string(),
                               changed = std::move(changed)](FdEvents) {
                                if (read_events(fd, name)) {
                                  changed();
                                }
                              }));
  return PathWatch{std::move(inotify), std::move(events)};
}

}  // namespace weft::control
