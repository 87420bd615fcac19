/// Waits for netlink notifications.

#include <weft/netlink/watcher.hpp>

namespace weft::nl {

/// Shared with the handler that may be running: it may destroy the watcher.
struct Watcher::State {
  void receive() {
    const auto received = socket.receive([this](const nlmsghdr& message) {
      if (!is_closed) {
        on_message(message);
      }
    });
    if (!received && !is_closed) {
      on_lost();
    }
  }

  Socket socket;
  MessageHandler on_message;
  Task on_lost;
  bool is_closed = false;
};

Result<Watcher> Watcher::open(Loop& loop, int protocol, const std::vector<unsigned>& groups,
                              MessageHandler on_message, Task on_lost) {
  auto socket = Socket::open(protocol);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  for (const unsigned group : groups) {
    WEFT_TRY(socket->join(group));
  }
  auto state =
      std::make_shared<State>(State{*std::move(socket), std::move(on_message), std::move(on_lost)});
  FdWatch watch;
  WEFT_TRY(watch, loop.watch(state->socket.fd(), {.readable = true},
                             [state](FdEvents) { state->receive(); }));
  return Watcher{std::move(state), std::move(watch)};
}

Watcher::~Watcher() {
  if (state_ != nullptr) {
    state_->is_closed = true;
  }
}

}  // namespace weft::nl
