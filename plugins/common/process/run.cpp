/// Gives the program files in memory to read and write, so that no pipe can fill up.

#include "run.hpp"

#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <fmt/core.h>

namespace weft::process {
namespace {

constexpr std::size_t most_output = 16U << 20U;

/// Closes on scope exit.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

int memory_file(const char* name) {
  return ::memfd_create(name, MFD_CLOEXEC);
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0) {
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::lseek(fd, 0, SEEK_SET) == 0;
}

std::string read_all(int fd) {
  const off_t end = ::lseek(fd, 0, SEEK_END);
  std::string text(std::min(static_cast<std::size_t>(std::max<off_t>(end, 0)), most_output), '\0');
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return text;
}

/// The file actions and attributes of posix_spawn; a thread's own signal mask is not inherited.
class Spawner {
 public:
  Spawner(int input, int output, int errors) {
    posix_spawn_file_actions_init(&files_);
    posix_spawn_file_actions_adddup2(&files_, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files_, errors, STDERR_FILENO);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;
  ~Spawner() {
    posix_spawn_file_actions_destroy(&files_);
    posix_spawnattr_destroy(&attributes_);
  }

  /// 0, or an errno.
  [[nodiscard]] int spawn(std::vector<std::string> argv, pid_t& pid) const {
    std::vector<char*> words;
    for (std::string& word : argv) {
      words.push_back(word.data());
    }
    words.push_back(nullptr);
    return ::posix_spawnp(&pid, words.front(), &files_, &attributes_, words.data(), environ);
  }

 private:
  posix_spawn_file_actions_t files_{};
  posix_spawnattr_t attributes_{};
};

/// Whether the process ended within `limit`; otherwise it is killed.
bool wait_for(pid_t pid, std::chrono::milliseconds limit) {
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (process.get() < 0) {
    return true;  // a kernel without pidfd: the program is trusted to end
  }
  pollfd wait{process.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&wait, 1, static_cast<int>(limit.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) {
    ::kill(pid, SIGKILL);
  }
  return ready > 0;
}

}  // namespace

Result<Finished> run(const std::vector<std::string>& argv, std::string_view input,
                     std::chrono::milliseconds limit) {
  const std::string attempt = fmt::format("run '{}'", argv.front());
  const Descriptor in(memory_file("input"));
  const Descriptor out(memory_file("output"));
  const Descriptor errors(memory_file("errors"));
  if (in.get() < 0 || out.get() < 0 || errors.get() < 0 || !write_all(in.get(), input)) {
    return fail(errno, attempt);
  }
  pid_t pid = 0;
  if (const int error = Spawner(in.get(), out.get(), errors.get()).spawn(argv, pid); error != 0) {
    return fail(error, attempt);
  }
  const bool is_in_time = wait_for(pid, limit);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!is_in_time) {
    return fail(Errc::timeout,
                fmt::format("{}: it did not end within {} ms", attempt, limit.count()));
  }
  return Finished{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                  read_all(out.get()), read_all(errors.get())};
}

}  // namespace weft::process
