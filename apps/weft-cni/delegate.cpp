/// Executes IPAM plugins.

#include "delegate.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "network_config.hpp"

namespace weft::cni {
namespace {

/// An anonymous file: unlike a pipe it takes everything at once, so nobody waits for anybody.
class MemoryFile {
 public:
  explicit MemoryFile(const char* name) : fd_(memfd_create(name, MFD_CLOEXEC)) {}
  ~MemoryFile() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] int get() const noexcept { return fd_; }

  [[nodiscard]] bool fill(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = ::write(fd_, text.data(), text.size());
      if (written < 0) {
        return false;
      }
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return ::lseek(fd_, 0, SEEK_SET) == 0;
  }

  /// At most max_config_bytes.
  [[nodiscard]] std::string content() const {
    std::string text;
    std::array<char, 4096> chunk{};
    ::lseek(fd_, 0, SEEK_SET);
    while (text.size() < max_config_bytes) {
      const ssize_t got = ::read(fd_, chunk.data(), chunk.size());
      if (got <= 0) {
        break;
      }
      text.append(chunk.data(), static_cast<std::size_t>(got));
    }
    return text;
  }

 private:
  int fd_;
};

std::optional<std::string> find_program(const std::string& type, std::string_view path) {
  while (!path.empty()) {
    const std::string_view directory = path.substr(0, path.find(':'));
    path.remove_prefix(std::min(directory.size() + 1, path.size()));
    std::string candidate = std::string(directory) + "/" + type;
    if (!directory.empty() && ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return std::nullopt;
}

/// The exit status; an error when the program could not run or was killed.
Outcome<int> run(const std::string& program, const MemoryFile& input, const MemoryFile& output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output.get(), STDOUT_FILENO);
  std::string name = program;
  std::array<char*, 2> arguments{name.data(), nullptr};
  pid_t child = 0;
  const int error =
      posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return refuse(Code::general, "cannot run " + program + ": " + std::strerror(error));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return refuse(Code::general, "cannot wait for " + program + ": " + std::strerror(errno));
    }
  }
  if (!WIFEXITED(status)) {
    return refuse(Code::general, program + " was killed");
  }
  return WEXITSTATUS(status);
}

}  // namespace

Outcome<std::string> run_plugin(const std::string& type, std::string_view path,
                                std::string_view config) {
  const auto program = find_program(type, path);
  if (!program) {
    return refuse(Code::invalid_configuration, "failed to find plugin '" + type + "' in CNI_PATH",
                  "install it in " + std::string(path));
  }
  const MemoryFile input{"cni-config"};
  const MemoryFile output{"cni-result"};
  if (input.get() < 0 || output.get() < 0 || !input.fill(config)) {
    return refuse(Code::general,
                  std::string("cannot pass the configuration on: ") + std::strerror(errno));
  }
  int status = 0;
  WEFT_TRY(status, run(*program, input, output));
  std::string text = output.content();
  if (status != 0) {
    return tl::unexpected(parse_failure(text));
  }
  return text;
}

}  // namespace weft::cni
