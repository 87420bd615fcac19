#pragma once
/// Runs other programs without a shell, with a deadline, and notices Ctrl-C.

#include <sys/types.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <weft/result.hpp>

namespace weft::lab {

using Arguments = std::vector<std::string>;

struct Command {
  Arguments argv;     ///< argv[0] is searched in PATH
  std::string input;  ///< for its standard input; at most a pipe's 64 KiB
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to ours
  std::chrono::milliseconds timeout{30'000};
};

/// How a program ended and what it printed.
struct Outcome {
  int exit_code = 0;  ///< 128 + signal when a signal ended it
  std::string out;
  std::string err;
};

/// A program that runs beside us. Killed when this object goes before it was waited for.
class Process {
 public:
  /// Errors: the errno of posix_spawn, ENOENT when there is no such program.
  [[nodiscard]] static Result<Process> start(const Command& command);
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  ~Process();

  void signal(int number) const noexcept;
  /// Reads what it prints until it ends. Errors: Errc::timeout or Errc::cancelled; it is dead then.
  [[nodiscard]] Result<Outcome> wait(std::chrono::milliseconds timeout);

 private:
  Process(pid_t pid, int out, int err, std::string name);
  [[nodiscard]] Result<> read_all(Outcome& outcome, std::chrono::milliseconds timeout);

  pid_t pid_;
  int out_;
  int err_;
  std::string name_;
};

/// Runs to the end; any exit code is a value. `verbose` prints the command line first.
[[nodiscard]] Result<Outcome> run(const Command& command, bool verbose);

/// As run, but an exit code other than 0 is an error whose context holds what it complained about.
[[nodiscard]] Result<std::string> run_ok(const Command& command, bool verbose);

/// Starts a daemon in a session of its own with both outputs appended to `log`; it outlives us.
[[nodiscard]] Result<pid_t> start_daemon(const Arguments& argv, const std::string& log,
                                         bool verbose);

/// Ends processes by id: SIGTERM, and after `patience` SIGKILL. Returns once all are gone.
void end_processes(const std::vector<pid_t>& pids, std::chrono::milliseconds patience);

/// Lets SIGINT and SIGTERM set a flag instead of ending us, so that we can clean up.
void catch_interrupts();
[[nodiscard]] bool was_interrupted() noexcept;
/// Forgets an interrupt, before cleaning up.
void clear_interrupt() noexcept;
/// Waits that long, or shorter when interrupted.
void pause_for(std::chrono::milliseconds duration) noexcept;

}  // namespace weft::lab
