#pragma once
/// A file descriptor that has one owner.

#include <unistd.h>

#include <utility>

namespace weft {

/// Owns a file descriptor and closes it when it goes out of scope. Empty when it holds none, that
/// is, -1. Used by one thread at a time.
class UniqueFd {
 public:
  UniqueFd() = default;
  /// Takes over `fd`, as a system call returned it: a negative number leaves it empty.
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~UniqueFd() { reset(); }

  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int get() const noexcept { return fd_; }
  /// Gives the descriptor up without closing it.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  /// Closes what it holds, and takes over `fd`.
  void reset(int fd = -1) noexcept {
    const int held = std::exchange(fd_, fd);
    if (held >= 0 && held != fd) {
      ::close(held);
    }
  }

 private:
  int fd_ = -1;
};

}  // namespace weft
