/// Waits on an event loop for the bell that lanes ring.

#include <unistd.h>

#include <cerrno>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <weft/lane_queue.hpp>

namespace weft {

struct BellListener::State : std::enable_shared_from_this<State> {
  State(boost::asio::io_context& io, int fd, Doorbell& its_bell, Task task)
      : descriptor(io, fd), bell(its_bell), on_ring(std::move(task)) {}

  void wait() {
    descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this()](const boost::system::error_code& error) {
                            if (error || !self->descriptor.is_open()) {
                              return;
                            }
                            self->bell.answer();
                            self->on_ring();
                            if (self->descriptor.is_open()) {
                              self->wait();
                            }
                          });
  }

  boost::asio::posix::stream_descriptor descriptor;
  Doorbell& bell;
  Task on_ring;
};

Result<BellListener> BellListener::open(boost::asio::io_context& io, Doorbell& bell, Task on_ring) {
  const int copy = ::dup(bell.fd());  // the descriptor object closes what it holds
  if (copy < 0) {
    return fail(errno, "listen to a doorbell");
  }
  auto state = std::make_shared<State>(io, copy, bell, std::move(on_ring));
  state->wait();
  return BellListener(std::move(state));
}

BellListener::~BellListener() {
  if (state_ != nullptr) {
    boost::system::error_code ignored;
    state_->descriptor.close(ignored);
  }
}

}  // namespace weft
