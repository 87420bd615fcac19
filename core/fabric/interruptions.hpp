#pragma once
/// For tests of what is read without locks: does at any instruction of a thread what another
/// processor could do meanwhile. That finds windows of two instructions within a second.

#include <time.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <functional>
#include <utility>

namespace weft::dataplane {

/// While it exists, and until `count` times, `work` interrupts the thread that made it. `work`
/// takes no lock and allocates nothing. One at a time.
class Interruptions {
 public:
  Interruptions(std::uint32_t count, std::function<void()> work)
      : count_(count), work_(std::move(work)) {
    current = this;
    struct sigaction action{};
    action.sa_handler = [](int) { current->interrupt(); };
    sigaction(SIGALRM, &action, &before_);
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGALRM;
    event._sigev_un._tid = gettid();
    timer_create(CLOCK_MONOTONIC, &event, &timer_);
    arm();
  }
  ~Interruptions() {
    timer_delete(timer_);
    sigaction(SIGALRM, &before_, nullptr);
  }
  Interruptions(const Interruptions&) = delete;
  Interruptions& operator=(const Interruptions&) = delete;

  [[nodiscard]] bool are_over() const noexcept { return done_ == count_; }

 private:
  void interrupt() {
    if (!are_over()) {
      work_();
      ++done_;
      arm();
    }
  }
  /// The next one comes in 2 to 18 microseconds.
  void arm() {
    random_ = random_ * 1664525U + 1013904223U;
    const itimerspec next{.it_interval = {}, .it_value = {0, 2'000 + (random_ >> 18U)}};
    timer_settime(timer_, 0, &next, nullptr);
  }

  inline static Interruptions* current = nullptr;

  const std::uint32_t count_;
  const std::function<void()> work_;
  std::atomic<std::uint32_t> done_{0};
  std::uint32_t random_ = 1;
  timer_t timer_{};
  struct sigaction before_{};
};

}  // namespace weft::dataplane
