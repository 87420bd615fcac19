/// Waits for a set of descriptors as for one.

#include "runtime/loop/watch_set.hpp"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <utility>

#include <fmt/core.h>

#include "runtime/loop/activity.hpp"
#include "runtime/loop/handler_scope.hpp"

namespace weft {
namespace {

/// Handlers run at once; those of others, and what was posted, come in between.
constexpr std::size_t max_events = 16;

FdEvents to_events(std::uint32_t happened, FdEvents watched) noexcept {
  const bool is_broken = (happened & (EPOLLERR | EPOLLHUP)) != 0;
  return {watched.readable && (is_broken || (happened & EPOLLIN) != 0),
          watched.writable && (is_broken || (happened & EPOLLOUT) != 0)};
}

}  // namespace

struct WatchSet::Watch {
  int fd;
  FdEvents events;
  UniqueFunction<void(FdEvents)> ready;
};

class WatchSet::Node final : public FdWatch::Node {
 public:
  Node(std::shared_ptr<WatchSet> set, std::uint64_t id) : set_(std::move(set)), id_(id) {}
  ~Node() override { set_->remove(id_); }

 private:
  const std::shared_ptr<WatchSet> set_;
  const std::uint64_t id_;
};

/// Waits again, also after a handler that threw.
class WatchSet::Rearm {
 public:
  explicit Rearm(WatchSet& set) : set_(set) {}
  ~Rearm() { set_.wait(); }
  Rearm(const Rearm&) = delete;
  Rearm& operator=(const Rearm&) = delete;

 private:
  WatchSet& set_;
};

Result<FdWatch> WatchSet::add(int fd, FdEvents events, UniqueFunction<void(FdEvents)> ready) {
  WEFT_TRY(open());
  const std::uint64_t id = next_id_++;
  epoll_event wanted{};
  wanted.events = (events.readable ? EPOLLIN : 0U) | (events.writable ? EPOLLOUT : 0U);
  wanted.data.u64 = id;
  if (epoll_ctl(epoll_->native_handle(), EPOLL_CTL_ADD, fd, &wanted) != 0) {
    return fail(errno, fmt::format("watch descriptor {}", fd));
  }
  watches_.emplace(id, std::make_shared<Watch>(Watch{fd, events, std::move(ready)}));
  wait();
  return FdWatch{std::make_unique<Node>(shared_from_this(), id)};
}

Result<> WatchSet::open() {
  if (epoll_) {
    return {};
  }
  const int fd = epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) {
    return fail(errno, "open an epoll set");
  }
  epoll_.emplace(context_, fd);
  return {};
}

void WatchSet::remove(std::uint64_t id) noexcept {
  const auto watch = watches_.extract(id);  // the handler goes last: its end may end others
  if (watch.empty() || !epoll_) {
    return;
  }
  epoll_ctl(epoll_->native_handle(), EPOLL_CTL_DEL, watch.mapped()->fd, nullptr);
  if (watches_.empty()) {
    boost::system::error_code ignored;
    epoll_->cancel(ignored);  // a loop that watches nothing has nothing left to do
  }
}

void WatchSet::close() noexcept {
  epoll_.reset();
  auto dropped = std::exchange(watches_, {});
}

void WatchSet::wait() {
  if (is_waiting_ || watches_.empty() || !epoll_) {
    return;
  }
  is_waiting_ = true;
  epoll_->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->is_waiting_ = false;
                       const Rearm rearm(*self);
                       if (!error) {
                         self->dispatch();
                       }
                     });
}

void WatchSet::dispatch() {
  std::array<epoll_event, max_events> events{};
  const int count = epoll_wait(epoll_->native_handle(), events.data(), max_events, /*timeout=*/0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const auto found = watches_.find(event.data.u64);
    if (found == watches_.end()) {
      continue;  // an earlier handler ended it
    }
    const auto watch = found->second;  // the handler may end it, too
    const ActivityScope activity("descriptor");
    const HandlerScope handler;
    watch->ready(to_events(event.events, watch->events));
  }
}

}  // namespace weft
