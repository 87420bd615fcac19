/// Finds and starts them.

#include "other_program.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <fmt/core.h>

#include <weft/result.hpp>

#include "console/print.hpp"
#include "runtime/base/printable.hpp"
#include "runtime/config/binder.hpp"

namespace weft::cli {

using namespace console;

namespace {

constexpr std::string_view socket_option = "--socket";

/// It becomes part of a file name.
bool is_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

int report_absence(const std::string& name, const std::vector<std::string>& commands) {
  const auto known = std::ranges::find(other_programs(), name, &OtherProgram::name);
  const std::string reason =
      known == other_programs().end()
          ? fmt::format(
                "'weft' has no command '{}'{}; nor is a program weft-{} beside it or in PATH", name,
                config::did_you_mean(name, commands), name)
          : fmt::format(
                "'weft {}' is the program weft-{}, which is neither beside weft nor in PATH; "
                "install it (cmake --install ... --component {})",
                name, name, known->component);
  std::fprintf(stderr, "weft: %s; see weft --help\n", one_line(reason).c_str());
  return exit_usage;
}

}  // namespace

const std::vector<OtherProgram>& other_programs() {
  static const std::vector<OtherProgram> all{
      {"lab", "A cluster of network namespaces on this machine", "lab"}};
  return all;
}

std::optional<NamedCommand> named_command(std::span<char* const> words) {
  NamedCommand command;
  for (std::size_t at = 1; at < words.size(); ++at) {
    const std::string_view word = words[at];
    if (word == socket_option && at + 1 < words.size()) {
      command.socket = words[++at];
    } else if (word.starts_with(std::string(socket_option) + "=")) {
      command.socket = word.substr(socket_option.size() + 1);
    } else if (word.starts_with("-")) {
      return std::nullopt;
    } else {
      command.name = word;
      command.arguments = words.subspan(at + 1);
      return command;
    }
  }
  return std::nullopt;
}

int start_other_program(const std::string& directory, const NamedCommand& command,
                        const std::vector<std::string>& commands) {
  if (!is_name(command.name)) {
    return report_absence(command.name, commands);
  }
  if (command.socket) {
    ::setenv("WEFT_SOCKET", command.socket->c_str(), 1);
  }
  std::string file = "weft-" + command.name;
  if (const std::string beside = directory + "/" + file; ::access(beside.c_str(), X_OK) == 0) {
    file = beside;
  }
  std::vector<char*> argv{file.data()};
  argv.insert(argv.end(), command.arguments.begin(), command.arguments.end());
  argv.push_back(nullptr);
  ::execvp(file.c_str(), argv.data());
  return errno == ENOENT ? report_absence(command.name, commands)
                         : report_error(fail(errno, "run '" + file + "'").value());
}

}  // namespace weft::cli
