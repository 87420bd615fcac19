/// Reads inotify events of a directory.

#include "runtime/control/path_watch.hpp"

#include <sys/inotify.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>

namespace weft::control {

namespace asio = boost::asio;

struct PathWatch::State : std::enable_shared_from_this<State> {
  State(Loop& loop, int fd, std::string watched, std::function<void()> on_change)
      : descriptor(loop.io(), fd), name(std::move(watched)), changed(std::move(on_change)) {}

  void read() {
    descriptor.async_read_some(
        asio::buffer(events),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t got) {
          if (error || !self->changed) {
            return;
          }
          if (self->concerns_us(got)) {
            self->changed();
          }
          if (self->changed) {
            self->read();
          }
        });
  }

  [[nodiscard]] bool concerns_us(std::size_t got) const {
    bool is_ours = false;
    inotify_event event{};
    for (std::size_t at = 0; at + sizeof event <= got; at += sizeof event + event.len) {
      std::memcpy(&event, events.data() + at, sizeof event);
      const std::string_view whole{events.data() + at + sizeof event, event.len};
      const std::string_view file = whole.substr(0, whole.find('\0'));
      is_ours = is_ours || file.empty() || file == name || file == name + ".lock";
    }
    return is_ours;
  }

  asio::posix::stream_descriptor descriptor;
  const std::string name;
  std::function<void()> changed;  // empty: closed
  alignas(inotify_event) std::array<char, 4096> events{};
};

Result<PathWatch> PathWatch::open(Loop& loop, const std::string& path,
                                  std::function<void()> changed) {
  const std::filesystem::path whole(path);
  const std::string parent = whole.has_parent_path() ? whole.parent_path().string() : ".";
  const std::string attempt = "watch directory '" + parent + "'";
  const int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd < 0) {
    return fail(errno, attempt);
  }
  auto state = std::make_shared<State>(loop, fd, whole.filename().string(), std::move(changed));
  if (::inotify_add_watch(fd, parent.c_str(),
                          IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
                              IN_ONLYDIR) < 0) {
    return fail(errno, attempt);
  }
  state->read();
  return PathWatch{std::move(state)};
}

PathWatch::~PathWatch() {
  if (state_) {
    state_->changed = {};
    boost::system::error_code ignored;
    state_->descriptor.close(ignored);
  }
}

}  // namespace weft::control
