#pragma once
/// An open file of ours, closed when it goes out of scope, and how to read a small one.

#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace weft::config {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }

  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

[[nodiscard]] inline bool is_regular(const FileDescriptor& file) {
  struct stat status{};
  return fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode);
}

/// Everything in `file`, or the errno: EFBIG when it holds more than `limit` bytes.
[[nodiscard]] inline tl::expected<std::string, int> read_all(const FileDescriptor& file,
                                                             std::size_t limit) {
  std::string text(limit + 1, '\0');
  std::size_t used = 0;
  while (used < text.size()) {
    const ssize_t got = read(file.get(), text.data() + used, text.size() - used);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return tl::unexpected(errno);
    }
    if (got == 0) {
      text.resize(used);
      return text;
    }
    used += static_cast<std::size_t>(got);
  }
  return tl::unexpected(EFBIG);
}

}  // namespace weft::config
