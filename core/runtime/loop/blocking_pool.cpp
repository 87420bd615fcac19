/// A queue with two consumers.

#include "runtime/loop/blocking_pool.hpp"

#include <pthread.h>

namespace weft {

BlockingPool::BlockingPool() {
  for (unsigned i = 0; i < thread_count; ++i) {
    threads_.emplace_back([this] { run(); });
  }
}

BlockingPool::~BlockingPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void BlockingPool::submit(Task work) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void BlockingPool::run() {
  pthread_setname_np(pthread_self(), "blocking");
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) {
      return;
    }
    Task work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = {};  // what it captured may have a destructor that submits
    lock.lock();
  }
}

}  // namespace weft
