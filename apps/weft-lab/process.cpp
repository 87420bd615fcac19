/// Spawns programs, collects their output and ends them.

#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

namespace weft::lab {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t pipe_bytes = 65536;  // what a pipe takes before a write blocks

volatile std::sig_atomic_t interrupt_count = 0;

std::string shown(const Arguments& argv) {
  std::string text;
  for (const std::string& word : argv) {
    const bool needs_quotes = word.empty() || word.find_first_of(" \"'{}\n") != std::string::npos;
    text += (text.empty() ? "" : " ") + (needs_quotes ? "'" + word + "'" : word);
  }
  return text;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words) {
    list.push_back(word.data());
  }
  list.push_back(nullptr);
  return list;
}

std::vector<std::string> full_environment(
    const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const bool is_replaced = std::any_of(added.begin(), added.end(), [&](const auto& pair) {
      return text.starts_with(pair.first + "=");
    });
    if (!is_replaced) {
      all.emplace_back(text);
    }
  }
  for (const auto& [name, value] : added) {
    all.push_back(name + "=" + value);
  }
  return all;
}

/// posix_spawn's attributes and file actions, released together.
class SpawnPlan {
 public:
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGTERM);
    sigaddset(&defaults, SIGHUP);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes_, &defaults);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  void connect(int from, int to) { posix_spawn_file_actions_adddup2(&actions_, from, to); }
  void open(int to, const char* path, int flags) {
    posix_spawn_file_actions_addopen(&actions_, to, path, flags, 0600);
  }

  Result<pid_t> spawn(const Command& command, short flags) {
    Arguments argv = command.argv;
    std::vector<std::string> environment = full_environment(command.environment);
    posix_spawnattr_setflags(&attributes_, static_cast<short>(flags | POSIX_SPAWN_SETSIGDEF));
    pid_t pid = -1;
    const int error = posix_spawnp(&pid, argv[0].c_str(), &actions_, &attributes_,
                                   pointers(argv).data(), pointers(environment).data());
    if (error != 0) {
      return fail(error, "run '" + shown(command.argv) + "'");
    }
    return pid;
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

struct Pipe {
  std::array<int, 2> ends{-1, -1};

  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  [[nodiscard]] bool open() { return ::pipe2(ends.data(), O_CLOEXEC) == 0; }
  void close_end(std::size_t which) {
    if (ends[which] >= 0) {
      ::close(std::exchange(ends[which], -1));
    }
  }
  [[nodiscard]] int release(std::size_t which) { return std::exchange(ends[which], -1); }
};

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

void on_interrupt(int /*signal*/) {
  interrupt_count = 1;
}

}  // namespace

Process::Process(pid_t pid, int out, int err, std::string name)
    : pid_(pid), out_(out), err_(err), name_(std::move(name)) {}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      out_(std::exchange(other.out_, -1)),
      err_(std::exchange(other.err_, -1)),
      name_(std::move(other.name_)) {}

Process::~Process() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  for (const int fd : {out_, err_}) {
    if (fd >= 0) {
      ::close(fd);
    }
  }
}

Result<Process> Process::start(const Command& command) {
  if (command.input.size() > pipe_bytes) {
    return fail(EFBIG, "run '" + command.argv[0] + "' with that much input");
  }
  Pipe in;
  Pipe out;
  Pipe err;
  if (!in.open() || !out.open() || !err.open()) {
    return fail(errno, "make pipes for '" + command.argv[0] + "'");
  }
  // Fits into the pipe, so writing before the program runs cannot block.
  if (!command.input.empty() &&
      ::write(in.ends[1], command.input.data(), command.input.size()) < 0) {
    return fail(errno, "prepare the input of '" + command.argv[0] + "'");
  }
  in.close_end(1);
  SpawnPlan plan;
  plan.connect(in.ends[0], STDIN_FILENO);
  plan.connect(out.ends[1], STDOUT_FILENO);
  plan.connect(err.ends[1], STDERR_FILENO);
  pid_t pid = -1;
  WEFT_TRY(pid, plan.spawn(command, 0));
  return Process(pid, out.release(0), err.release(0), command.argv[0]);
}

void Process::signal(int number) const noexcept {
  if (pid_ > 0) {
    ::kill(pid_, number);
  }
}

Result<> Process::read_all(Outcome& outcome, std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  std::array<pollfd, 2> entries{pollfd{out_, POLLIN, 0}, pollfd{err_, POLLIN, 0}};
  const std::array<std::string*, 2> texts{&outcome.out, &outcome.err};
  while (entries[0].fd >= 0 || entries[1].fd >= 0) {
    const int ready = ::poll(entries.data(), entries.size(), milliseconds_until(deadline));
    if (was_interrupted()) {
      return fail(Errc::cancelled, "wait for '" + name_ + "'");
    }
    if (ready == 0) {
      return fail(Errc::timeout, "wait for '" + name_ + "'");
    }
    for (std::size_t i = 0; ready > 0 && i < entries.size(); ++i) {
      if (entries[i].revents == 0) {
        continue;
      }
      std::array<char, 8192> chunk;
      const ssize_t got = ::read(entries[i].fd, chunk.data(), chunk.size());
      if (got > 0) {
        texts[i]->append(chunk.data(), static_cast<std::size_t>(got));
      } else {
        entries[i].fd = -1;  // poll ignores it from now on
      }
    }
  }
  return {};
}

Result<Outcome> Process::wait(std::chrono::milliseconds timeout) {
  Outcome outcome;
  const auto read = read_all(outcome, timeout);
  if (!read) {
    ::kill(pid_, SIGKILL);
  }
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  WEFT_TRY(read);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

Result<Outcome> run(const Command& command, bool verbose) {
  if (verbose) {
    std::fprintf(stderr, "+ %s\n%s", shown(command.argv).c_str(), command.input.c_str());
  }
  auto process = Process::start(command);
  if (!process) {
    return tl::unexpected(std::move(process).error());
  }
  return process->wait(command.timeout);
}

Result<std::string> run_ok(const Command& command, bool verbose) {
  Outcome outcome;
  WEFT_TRY(outcome, run(command, verbose));
  if (outcome.exit_code != 0) {
    const std::string& complaint = outcome.err.empty() ? outcome.out : outcome.err;
    return fail(Errc::invalid,
                "run '" + shown(command.argv) + "' (exit " + std::to_string(outcome.exit_code) +
                    "): " + complaint.substr(0, complaint.find_last_not_of('\n') + 1));
  }
  return std::move(outcome.out);
}

Result<pid_t> start_daemon(const Arguments& argv, const std::string& log, bool verbose) {
  if (verbose) {
    std::fprintf(stderr, "+ %s >>%s &\n", shown(argv).c_str(), log.c_str());
  }
  SpawnPlan plan;
  plan.open(STDIN_FILENO, "/dev/null", O_RDONLY);
  plan.open(STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND);
  plan.connect(STDOUT_FILENO, STDERR_FILENO);
  return plan.spawn(Command{argv, {}, {}}, POSIX_SPAWN_SETSID);
}

void end_processes(const std::vector<pid_t>& pids, std::chrono::milliseconds patience) {
  std::vector<pollfd> alive;
  for (const pid_t pid : pids) {
    const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (fd >= 0) {
      ::syscall(SYS_pidfd_send_signal, fd, SIGTERM, nullptr, 0);
      alive.push_back({fd, POLLIN, 0});
    }
  }
  auto deadline = Clock::now() + patience;
  bool is_killing = false;
  while (!alive.empty()) {
    const int ready = ::poll(alive.data(), alive.size(), milliseconds_until(deadline));
    if (ready == 0 && is_killing) {
      break;  // stuck in the kernel: nothing more can be done
    }
    if (ready == 0) {
      is_killing = true;
      deadline = Clock::now() + patience;
      for (const pollfd& entry : alive) {
        ::syscall(SYS_pidfd_send_signal, entry.fd, SIGKILL, nullptr, 0);
      }
    }
    std::erase_if(alive, [](const pollfd& entry) {
      if ((entry.revents & POLLIN) != 0) {
        ::waitid(P_PIDFD, static_cast<id_t>(entry.fd), nullptr, WEXITED | WNOHANG);  // if ours
        ::close(entry.fd);
        return true;
      }
      return false;
    });
  }
  for (const pollfd& entry : alive) {
    ::close(entry.fd);
  }
}

void catch_interrupts() {
  struct sigaction action{};
  action.sa_handler = on_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGHUP, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool was_interrupted() noexcept {
  return interrupt_count != 0;
}

void clear_interrupt() noexcept {
  interrupt_count = 0;
}

void pause_for(std::chrono::milliseconds duration) noexcept {
  ::poll(nullptr, 0, static_cast<int>(duration.count()));
}

}  // namespace weft::lab
