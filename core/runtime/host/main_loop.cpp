/// Runs the main thread: waits for plugins, timers and signals in one place.

#include "runtime/host/main_loop.hpp"

#include <sys/signalfd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>

namespace weft::host {

namespace asio = boost::asio;

struct MainLoop::Periodic : std::enable_shared_from_this<Periodic> {
  Periodic(asio::io_context& context, Duration every, std::function<void()> work)
      : timer(context), period(every), task(std::move(work)) {}

  void arm() {
    timer.expires_after(period);
    timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      if (const auto self = weak.lock(); self && !error) {
        self->task();
        self->arm();
      }
    });
  }

  asio::steady_timer timer;
  Duration period;
  std::function<void()> task;
};

struct MainLoop::Signals {
  Signals(asio::io_context& context, int fd, std::function<void(int)> on_signal)
      : descriptor(context, fd), handler(std::move(on_signal)) {}

  void wait() {
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                          [this](const boost::system::error_code& error) {
                            if (!error) {
                              take();
                              wait();
                            }
                          });
  }

  void take() {
    signalfd_siginfo info{};
    while (read(descriptor.native_handle(), &info, sizeof info) ==
           static_cast<ssize_t>(sizeof info)) {
      handler(static_cast<int>(info.ssi_signo));
    }
  }

  asio::posix::stream_descriptor descriptor;
  std::function<void(int)> handler;
};

MainLoop::MainLoop() : context_(std::make_unique<asio::io_context>(1)) {}
MainLoop::~MainLoop() = default;

void MainLoop::post(Task task) noexcept {
  asio::post(*context_, [task = std::move(task)]() mutable { task(); });
}

Result<> MainLoop::on_signals(std::initializer_list<int> signals,
                              std::function<void(int)> handler) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) {
    sigaddset(&set, signal);
  }
  if (const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0) {
    return fail(error, "block signals");
  }
  const int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd < 0) {
    return fail(errno, "open a signalfd");
  }
  signals_ = std::make_unique<Signals>(*context_, fd, std::move(handler));
  signals_->wait();
  return {};
}

bool MainLoop::run_until(const std::function<bool()>& is_done, TimePoint deadline) {
  const auto keep_running = asio::make_work_guard(*context_);
  while (!is_done() && now() < deadline) {
    context_->restart();
    context_->run_one_until(deadline);
  }
  return is_done();
}

void MainLoop::run_until(const std::function<bool()>& is_done) {
  const auto keep_running = asio::make_work_guard(*context_);
  while (!is_done()) {
    context_->restart();
    context_->run_one();
  }
}

std::shared_ptr<void> MainLoop::every(Duration period, std::function<void()> task) {
  auto periodic = std::make_shared<Periodic>(*context_, period, std::move(task));
  periodic->arm();
  return periodic;
}

}  // namespace weft::host
