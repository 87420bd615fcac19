/// A child that sends its outcome through a pipe, and a parent that waits no longer than agreed.

#include "child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/core.h>

#include <weft/unique_fd.hpp>

namespace weft::conformance {
namespace {

using Clock = std::chrono::steady_clock;

void send(int fd, const Outcome& outcome) {
  const std::string text =
      fmt::format("{}\n{}\n{}", static_cast<int>(outcome.status), outcome.reason, outcome.remedy);
  static_cast<void>(!write(fd, text.data(), text.size()));  // a parent that is gone reads nothing
}

[[noreturn]] void be_child(const Check& check, const Subject& subject, int answer, int output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  send(answer, check.run(subject));
  _exit(0);  // what a bad plugin left behind is not torn down
}

/// Everything up to the end of file, or nothing when that does not come before `deadline`.
std::optional<std::string> read_until(int fd, Clock::time_point deadline) {
  std::string text;
  std::array<char, 4096> chunk{};
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd ready{fd, POLLIN, 0};
    const int polled = left > 0 ? poll(&ready, 1, static_cast<int>(left)) : 0;
    if (polled < 0 && errno == EINTR) {
      continue;
    }
    if (polled <= 0) {
      return std::nullopt;
    }
    const ssize_t got = read(fd, chunk.data(), chunk.size());
    if (got <= 0) {
      return text;
    }
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

std::string last_line(int output) {
  std::array<char, 2048> tail{};
  const off_t end = lseek(output, 0, SEEK_END);
  const off_t from = std::max<off_t>(0, end - static_cast<off_t>(tail.size()));
  const ssize_t got = pread(output, tail.data(), tail.size(), from);
  std::string text(tail.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  while (text.ends_with('\n')) {
    text.pop_back();
  }
  return text.substr(text.rfind('\n') + 1);
}

Outcome parse(const std::string& text) {
  const std::size_t first = text.find('\n');
  const std::size_t second = text.find('\n', first + 1);
  return {static_cast<Outcome::Status>(text.front() - '0'),
          text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

Outcome explain_death(int status, const std::string& said) {
  const std::string how = WIFSIGNALED(status)
                              ? fmt::format("the process died of signal {} ({})", WTERMSIG(status),
                                            strsignal(WTERMSIG(status)))
                              : fmt::format("the process ended with code {}", WEXITSTATUS(status));
  return failed(how + (said.empty() ? "" : "; it said: " + said),
                "run the check alone under gdb: gdb -ex 'set follow-fork-mode child' --args "
                "weft-plugin-check FILE --only CHECK");
}

}  // namespace

Outcome run_in_child(const Check& check, const Subject& subject) {
  std::array<int, 2> ends{};
  const UniqueFd output{memfd_create("weft-plugin-check", MFD_CLOEXEC)};
  if (!output || pipe2(ends.data(), O_CLOEXEC) != 0) {
    return failed(fmt::format("cannot make a pipe: {}", strerror(errno)), "free some descriptors");
  }
  const UniqueFd answer{ends[0]};
  const pid_t child = fork();
  if (child == 0) {
    be_child(check, subject, ends[1], output.get());
  }
  close(ends[1]);
  if (child < 0) {
    return failed(fmt::format("cannot fork: {}", strerror(errno)), "free some processes");
  }
  const auto text = read_until(answer.get(), Clock::now() + check.deadline);
  if (!text) {
    kill(child, SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (!text) {
    const std::string said = last_line(output.get());
    return failed(fmt::format("it did not end within {} s{}", check.deadline.count(),
                              said.empty() ? "" : "; it said: " + said),
                  "never wait on a plugin's loop: use timers, Loop::blocking and Reply");
  }
  return text->empty() ? explain_death(status, last_line(output.get())) : parse(*text);
}

}  // namespace weft::conformance
