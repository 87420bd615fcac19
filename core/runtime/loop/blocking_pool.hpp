#pragma once
/// Two threads for work that blocks for a moment: sqlite commits, file reads. What may take a
/// minute, such as looking up a name, has no place here: see transport/resolver.hpp.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include <weft/export.hpp>
#include <weft/function.hpp>

namespace weft {

/// Shared by all loops of a node; owned by the host, which destroys it after every loop was joined.
class WEFT_EXPORT BlockingPool {
 public:
  static constexpr unsigned thread_count = 2;

  BlockingPool();
  /// Finishes what was submitted, then joins.
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// Runs `work` on one of the threads, in order of submission. Any thread.
  void submit(Task work);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace weft
