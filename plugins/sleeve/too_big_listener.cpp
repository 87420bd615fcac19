/// Waits for reports with Asio.
#include "too_big_listener.hpp"

#include <chrono>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace weft::sleeve {
namespace {

/// Short beside the tests that a report leads to.
constexpr auto rest = std::chrono::milliseconds{20};

}  // namespace

/// Shared with the pending wait, which may complete once more after the listener is gone.
struct TooBigListener::State : std::enable_shared_from_this<TooBigListener::State> {
  State(boost::asio::io_context& io, TooBigSocket opened, Handler on_report)
      : socket(std::move(opened)),
        descriptor(io, socket.fd()),
        timer(io),
        handler(std::move(on_report)) {}

  void wait() {
    descriptor.async_wait(descriptor.wait_read, [self = shared_from_this()](const auto& error) {
      if (error || self->is_closed) {
        return;
      }
      self->socket.receive([&self](const TooBigReport& report) {
        if (!self->is_closed) {
          self->handler(report);
        }
      });
      self->pause();
    });
  }

  void pause() {
    if (is_closed) {
      return;
    }
    timer.expires_after(rest);
    timer.async_wait([self = shared_from_this()](const auto& error) {
      if (!error && !self->is_closed) {
        self->wait();
      }
    });
  }

  TooBigSocket socket;
  boost::asio::posix::stream_descriptor descriptor;  // of the socket, which closes it
  boost::asio::steady_timer timer;
  Handler handler;
  bool is_closed = false;
};

TooBigListener::TooBigListener(boost::asio::io_context& io, TooBigSocket socket, Handler handler)
    : state_(std::make_shared<State>(io, std::move(socket), std::move(handler))) {
  state_->wait();
}

TooBigListener::~TooBigListener() {
  if (state_ != nullptr) {
    state_->is_closed = true;
    state_->timer.cancel();
    state_->descriptor.cancel();
    state_->descriptor.release();
  }
}

}  // namespace weft::sleeve
