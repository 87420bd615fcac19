/// Records calls with their stacks, without allocating, and names them afterwards.

#include "lane_watch.hpp"

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <map>

#include <fmt/core.h>

#include "elf_object.hpp"
#include "runtime/lanes/lane_worker.hpp"

namespace weft::conformance {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

bool can_watch_lanes() noexcept {
  return false;
}
void begin_lane_watch() {}
std::vector<std::string> end_lane_watch() {
  return {};
}

}  // namespace weft::conformance

#else

namespace {

constexpr std::size_t max_finds = 256;
constexpr int max_frames = 48;

struct Find {
  const char* what;
  std::array<void*, max_frames> frames;
  int depth;
};

std::atomic<bool> is_watching{false};
std::atomic<std::size_t> find_count{0};
std::array<Find, max_finds> finds;
thread_local bool is_recording = false;

void record(const char* what) noexcept {
  is_recording = true;
  const std::size_t index = find_count.fetch_add(1);
  if (index < max_finds) {
    finds[index].what = what;
    finds[index].depth = backtrace(finds[index].frames.data(), max_frames);
  }
  is_recording = false;
}

/// Called by every function below before it does its work.
void note(const char* what) noexcept {
  if (is_watching.load(std::memory_order_relaxed) && LaneWorker::is_in_task() && !is_recording) {
    record(what);
  }
}

/// Reading and writing are what lanes are for, on descriptors that do not block.
void note_if_blocking(const char* what, int fd, int flags = 0) noexcept {
  if (is_watching.load(std::memory_order_relaxed) && LaneWorker::is_in_task() && !is_recording &&
      (flags & MSG_DONTWAIT) == 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0) {
    record(what);
  }
}

/// The C library's own.
template <class Function>
Function next(const char* name) noexcept {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

/// Functions of one object file, by address.
class ObjectSymbols {
 public:
  explicit ObjectSymbols(const std::string& path) {
    const auto object = ElfObject::read(path);
    if (!object) {
      return;
    }
    for (const Symbol& symbol : object->all().empty() ? object->exported() : object->all()) {
      if (symbol.is_defined && symbol.size > 0) {
        symbols_[symbol.address] = symbol;
      }
    }
  }

  [[nodiscard]] std::string name_at(std::uint64_t address) const {
    const auto after = symbols_.upper_bound(address);
    if (after == symbols_.begin()) {
      return {};
    }
    const Symbol& symbol = std::prev(after)->second;
    return address < symbol.address + symbol.size ? demangle(symbol.name) : "";
  }

 private:
  std::map<std::uint64_t, Symbol> symbols_;
};

/// Turns addresses into names, reading each object once.
class Namer {
 public:
  /// "function (library+0x1234)"; addr2line finds the line from that.
  std::string name(void* address) {
    Dl_info info{};
    if (dladdr(address, &info) == 0) {
      return "?";
    }
    const std::string path = info.dli_fname;
    const auto offset = static_cast<std::uint64_t>(static_cast<char*>(address) -
                                                   static_cast<char*>(info.dli_fbase)) -
                        1;
    const auto object = objects_.try_emplace(path, path).first;
    std::string function = object->second.name_at(offset);
    function = function.substr(0, function.find('('));
    return fmt::format("{} ({}+{:#x})", function.empty() ? "?" : function,
                       std::filesystem::path(path).filename().string(), offset);
  }

 private:
  std::map<std::string, ObjectSymbols> objects_;
};

/// From the caller of the forbidden function to the task that the lane runs; of a deep stack both
/// ends.
std::string describe(const Find& find, Namer& namer) {
  std::vector<std::string> frames;
  for (int i = 3; i < find.depth; ++i) {  // record, note, the function itself
    frames.push_back(namer.name(find.frames.at(static_cast<std::size_t>(i))));
    if (frames.back().find("LaneWorker::") != std::string::npos) {
      frames.pop_back();
      break;
    }
  }
  constexpr std::size_t shown_at_each_end = 3;
  if (frames.size() > 2 * shown_at_each_end) {
    frames.erase(frames.begin() + shown_at_each_end, frames.end() - shown_at_each_end);
    frames.insert(frames.begin() + shown_at_each_end, "...");
  }
  std::string text = find.what;
  for (const std::string& frame : frames) {
    text += (&frame == &frames.front() ? " in " : " < ") + frame;
  }
  return text;
}

}  // namespace

bool can_watch_lanes() noexcept {
  return true;
}

void begin_lane_watch() {
  std::array<void*, 1> first{};
  backtrace(first.data(), 1);  // loads what later calls need
  find_count = 0;
  is_watching = true;
}

std::vector<std::string> end_lane_watch() {
  is_watching = false;
  Namer namer;
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < std::min(find_count.load(), max_finds); ++i) {
    lines.push_back(describe(finds[i], namer));
  }
  std::ranges::sort(lines);
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  return lines;
}

}  // namespace weft::conformance

using weft::conformance::next;
using weft::conformance::note;
using weft::conformance::note_if_blocking;

extern "C" {

// The allocator's own names in the GNU C library. Source: glibc malloc/malloc.c.
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* memory);

WEFT_EXPORT __attribute__((noinline)) void* malloc(size_t size) {
  note("malloc");
  return __libc_malloc(size);
}
WEFT_EXPORT __attribute__((noinline)) void* calloc(size_t count, size_t size) {
  note("calloc");
  return __libc_calloc(count, size);
}
WEFT_EXPORT __attribute__((noinline)) void* realloc(void* old, size_t size) {
  note("realloc");
  return __libc_realloc(old, size);
}
WEFT_EXPORT __attribute__((noinline)) void* aligned_alloc(size_t alignment, size_t size) {
  note("aligned_alloc");
  return __libc_memalign(alignment, size);
}
WEFT_EXPORT __attribute__((noinline)) int posix_memalign(void** out, size_t alignment,
                                                         size_t size) {
  note("posix_memalign");
  *out = __libc_memalign(alignment, size);
  return *out == nullptr ? ENOMEM : 0;
}
WEFT_EXPORT __attribute__((noinline)) void free(void* memory) {
  note("free");
  __libc_free(memory);
}

WEFT_EXPORT int pthread_mutex_lock(pthread_mutex_t* mutex) {
  static const auto real = next<decltype(&pthread_mutex_lock)>("pthread_mutex_lock");
  note("pthread_mutex_lock");
  return real(mutex);
}
WEFT_EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t* lock) {
  static const auto real = next<decltype(&pthread_rwlock_rdlock)>("pthread_rwlock_rdlock");
  note("pthread_rwlock_rdlock");
  return real(lock);
}
WEFT_EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t* lock) {
  static const auto real = next<decltype(&pthread_rwlock_wrlock)>("pthread_rwlock_wrlock");
  note("pthread_rwlock_wrlock");
  return real(lock);
}
WEFT_EXPORT int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  static const auto real = next<decltype(&pthread_cond_wait)>("pthread_cond_wait");
  note("pthread_cond_wait");
  return real(condition, mutex);
}
WEFT_EXPORT int sem_wait(sem_t* semaphore) {
  static const auto real = next<decltype(&sem_wait)>("sem_wait");
  note("sem_wait");
  return real(semaphore);
}

WEFT_EXPORT int poll(pollfd* fds, nfds_t count, int timeout) {
  static const auto real = next<decltype(&poll)>("poll");
  note("poll");
  return real(fds, count, timeout);
}
WEFT_EXPORT int nanosleep(const timespec* wanted, timespec* left) {
  static const auto real = next<decltype(&nanosleep)>("nanosleep");
  note("nanosleep");
  return real(wanted, left);
}
WEFT_EXPORT int clock_nanosleep(clockid_t clock, int flags, const timespec* wanted,
                                timespec* left) {
  static const auto real = next<decltype(&clock_nanosleep)>("clock_nanosleep");
  note("clock_nanosleep");
  return real(clock, flags, wanted, left);
}
WEFT_EXPORT int usleep(useconds_t microseconds) {
  static const auto real = next<decltype(&usleep)>("usleep");
  note("usleep");
  return real(microseconds);
}
WEFT_EXPORT int fsync(int fd) {
  static const auto real = next<decltype(&fsync)>("fsync");
  note("fsync");
  return real(fd);
}

WEFT_EXPORT ssize_t read(int fd, void* to, size_t size) {
  static const auto real = next<decltype(&read)>("read");
  note_if_blocking("read on a blocking descriptor", fd);
  return real(fd, to, size);
}
WEFT_EXPORT ssize_t write(int fd, const void* from, size_t size) {
  static const auto real = next<decltype(&write)>("write");
  note_if_blocking("write on a blocking descriptor", fd);
  return real(fd, from, size);
}
WEFT_EXPORT ssize_t readv(int fd, const iovec* parts, int count) {
  static const auto real = next<decltype(&readv)>("readv");
  note_if_blocking("readv on a blocking descriptor", fd);
  return real(fd, parts, count);
}
WEFT_EXPORT ssize_t writev(int fd, const iovec* parts, int count) {
  static const auto real = next<decltype(&writev)>("writev");
  note_if_blocking("writev on a blocking descriptor", fd);
  return real(fd, parts, count);
}
WEFT_EXPORT ssize_t recvmsg(int fd, msghdr* message, int flags) {
  static const auto real = next<decltype(&recvmsg)>("recvmsg");
  note_if_blocking("recvmsg on a blocking descriptor", fd, flags);
  return real(fd, message, flags);
}
WEFT_EXPORT ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static const auto real = next<decltype(&sendmsg)>("sendmsg");
  note_if_blocking("sendmsg on a blocking descriptor", fd, flags);
  return real(fd, message, flags);
}
WEFT_EXPORT int recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
  static const auto real = next<decltype(&recvmmsg)>("recvmmsg");
  note_if_blocking("recvmmsg on a blocking descriptor", fd, flags);
  return real(fd, messages, count, flags, timeout);
}
WEFT_EXPORT int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  static const auto real = next<decltype(&sendmmsg)>("sendmmsg");
  note_if_blocking("sendmmsg on a blocking descriptor", fd, flags);
  return real(fd, messages, count, flags);
}

[[noreturn]] WEFT_EXPORT void __cxa_throw(void* object, void* type, void (*destroy)(void*)) {
  static const auto real = next<void (*)(void*, void*, void (*)(void*))>("__cxa_throw");
  note("throw");
  real(object, type, destroy);
  std::abort();  // not reached
}

}  // extern "C"

#endif
