/// Opens a secret's file, checks the very file it opened, and reads it.

#include "config/secret_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>

#include <fmt/core.h>

#include <weft/small_file.hpp>
#include <weft/unique_fd.hpp>

namespace weft::config {
namespace {

constexpr std::size_t max_secret_bytes = 4096;  // far beyond any password or key we use

Result<> check_secret_file(const struct stat& status, const std::string& path) {
  const auto refuse = [&path](Errc code, const std::string& reason) {
    return fail(code, fmt::format("use secret file '{}': {}", path, reason));
  };
  if (!S_ISREG(status.st_mode)) {
    return refuse(Errc::invalid, "it is not a regular file");
  }
  if (status.st_uid != 0 && status.st_uid != geteuid()) {
    return refuse(Errc::denied,
                  fmt::format("it belongs to user {}; fix: chown root '{}'", status.st_uid, path));
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return refuse(Errc::denied, fmt::format("its mode {:04o} lets others in; fix: chmod 600 '{}'",
                                            status.st_mode & 07777U, path));
  }
  return {};
}

}  // namespace

Result<Secret> read_secret_file(const std::string& path) {
  if (!path.starts_with('/')) {
    return fail(Errc::invalid, fmt::format("use secret file '{}': want an absolute path", path));
  }
  // Not blocking: a FIFO in its place must not hang us.
  const UniqueFd file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  struct stat status{};
  if (!file || fstat(file.get(), &status) != 0) {
    return fail(errno, fmt::format("open secret file '{}'", path));
  }
  WEFT_TRY(check_secret_file(status, path));
  auto text = read_all(file, max_secret_bytes);
  if (!text) {
    return fail(text.error(), fmt::format("read secret file '{}'", path));
  }
  if (text->ends_with('\n')) {
    text->pop_back();
  }
  if (text->empty()) {
    return fail(Errc::invalid, fmt::format("use secret file '{}': it is empty", path));
  }
  return Secret{std::move(*text)};
}

}  // namespace weft::config
