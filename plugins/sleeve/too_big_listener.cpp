/// Waits for reports, and rests between them.
#include "too_big_listener.hpp"

#include <chrono>
#include <utility>

namespace weft::sleeve {
namespace {

/// Short beside the tests that a report leads to.
constexpr auto rest_time = std::chrono::milliseconds{20};

}  // namespace

/// Shared with the handler that may be running: it may destroy the listener.
struct TooBigListener::State : std::enable_shared_from_this<TooBigListener::State> {
  State(Loop& on, overlay::TooBigSocket opened, Handler on_report)
      : loop(on), socket(std::move(opened)), handler(std::move(on_report)) {}

  void wait() {
    auto begun = loop.watch(socket.fd(), {.readable = true},
                            [self = shared_from_this()](FdEvents) { self->receive(); });
    if (begun) {
      watch = *std::move(begun);
    } else {
      rest();  // the kernel has no memory to spare now
    }
  }

  void receive() {
    watch.cancel();
    socket.receive([this](const overlay::TooBigReport& report) {
      if (!is_closed) {
        handler(report);
      }
    });
    if (!is_closed) {
      rest();
    }
  }

  void rest() {
    timer = loop.after(rest_time, [this] { wait(); });
  }

  void close() {
    is_closed = true;
    watch.cancel();
    timer.cancel();
  }

  Loop& loop;
  overlay::TooBigSocket socket;
  Handler handler;
  FdWatch watch;
  Timer timer;
  bool is_closed = false;
};

TooBigListener::TooBigListener(Loop& loop, overlay::TooBigSocket socket, Handler handler)
    : state_(std::make_shared<State>(loop, std::move(socket), std::move(handler))) {
  state_->wait();
}

TooBigListener::~TooBigListener() {
  if (state_ != nullptr) {
    state_->close();
  }
}

}  // namespace weft::sleeve
