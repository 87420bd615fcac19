#pragma once
/// Commands that programs of their own answer: `weft NAME ...` starts `weft-NAME ...`.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::cli {

/// One that comes with weft, and so is in the help.
struct OtherProgram {
  std::string_view name;       ///< of the command: "lab" for weft-lab
  std::string_view help;       ///< one sentence
  std::string_view component;  ///< of an installation
};
[[nodiscard]] const std::vector<OtherProgram>& other_programs();

/// A command line, divided at the command's name.
struct NamedCommand {
  std::string name;
  std::span<char* const> arguments;   ///< those after the name
  std::optional<std::string> socket;  ///< --socket, when it stands before the name
};
/// `words` begins with weft's own name. None when other options precede a name, or none follows.
[[nodiscard]] std::optional<NamedCommand> named_command(std::span<char* const> words);

/// Replaces this process by the program `weft-NAME` in `directory`, else in PATH, with the same
/// environment; a socket is handed on as WEFT_SOCKET. Returns an exit code only when that cannot
/// be, after it said why on standard error: exit_usage when there is no such program, with the
/// nearest of `commands`, which weft has.
[[nodiscard]] int start_other_program(const std::string& directory, const NamedCommand& command,
                                      const std::vector<std::string>& commands);

}  // namespace weft::cli
