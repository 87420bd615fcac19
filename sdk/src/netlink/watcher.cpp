/// Waits for netlink notifications with Asio.

#include <weft/netlink/watcher.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace weft::nl {

/// Shared with the pending wait, which may complete once more after the watcher is gone.
struct Watcher::State : std::enable_shared_from_this<Watcher::State> {
  State(boost::asio::io_context& io, Socket opened, MessageHandler message, Task lost)
      : socket(std::move(opened)),
        descriptor(io, socket.fd()),
        on_message(std::move(message)),
        on_lost(std::move(lost)) {}

  void wait() {
    descriptor.async_wait(descriptor.wait_read, [self = shared_from_this()](const auto& error) {
      if (error || self->is_closed) {
        return;
      }
      self->receive();
      if (!self->is_closed) {
        self->wait();
      }
    });
  }

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
  boost::asio::posix::stream_descriptor descriptor;  // of the socket, which closes it
  MessageHandler on_message;
  Task on_lost;
  bool is_closed = false;
};

Result<Watcher> Watcher::open(boost::asio::io_context& io, int protocol,
                              const std::vector<unsigned>& groups, MessageHandler on_message,
                              Task on_lost) {
  auto socket = Socket::open(protocol);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  for (const unsigned group : groups) {
    WEFT_TRY(socket->join(group));
  }
  auto state =
      std::make_shared<State>(io, *std::move(socket), std::move(on_message), std::move(on_lost));
  state->wait();
  return Watcher{std::move(state)};
}

Watcher::~Watcher() {
  if (state_ != nullptr) {
    state_->is_closed = true;
    state_->descriptor.cancel();
    state_->descriptor.release();
  }
}

}  // namespace weft::nl
