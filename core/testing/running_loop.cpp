/// The host's own loop, run for a test.

#include <weft/testing/running_loop.hpp>

#include <exception>

#include "runtime/loop/blocking_pool.hpp"
#include "runtime/loop/thread_loop.hpp"

namespace weft::testing {

struct RunningLoop::Thread {
  BlockingPool pool;
  ThreadLoop loop{"test", pool, [](const Error&) { std::terminate(); }};
};

RunningLoop::RunningLoop() : thread_(std::make_unique<Thread>()) {
  thread_->loop.start();
}

RunningLoop::~RunningLoop() {
  thread_->loop.close();
  thread_->loop.join();
}

Loop& RunningLoop::loop() noexcept {
  return thread_->loop;
}

}  // namespace weft::testing
