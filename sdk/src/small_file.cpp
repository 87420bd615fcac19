/// Reads a file in as many calls as it takes.

#include <weft/small_file.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace weft {

bool is_regular(const UniqueFd& file) noexcept {
  struct stat status{};
  return ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode);
}

tl::expected<std::string, int> read_all(const UniqueFd& file, std::size_t limit) {
  std::string text(limit + 1, '\0');
  std::size_t used = 0;
  while (used < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + used, text.size() - used);
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

}  // namespace weft
