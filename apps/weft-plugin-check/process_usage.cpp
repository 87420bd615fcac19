/// Reads /proc/self and asks the allocator.

#include "process_usage.hpp"

#include <malloc.h>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <thread>

namespace weft::conformance {
namespace {

std::size_t count_entries(const char* directory) {
  const std::filesystem::directory_iterator entries(directory);
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

}  // namespace

std::size_t count_descriptors() {
  return count_entries("/proc/self/fd") - 1;  // the one that reads them
}

std::size_t count_threads() {
  return count_entries("/proc/self/task");
}

std::size_t settled_threads(std::size_t expected) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{1};
  std::size_t threads = count_threads();
  while (threads > expected && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
    threads = count_threads();
  }
  return threads;
}

std::size_t heap_bytes() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return 0;
#else
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
#endif
}

}  // namespace weft::conformance
