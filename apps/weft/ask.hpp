#pragma once
/// Asking the running weftd, and showing what it said.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <weft/result.hpp>

#include "commands.hpp"

namespace weft::cli {

/// The result of control command `command` as JSON text. Errors: those of control::call; the
/// absence of the daemon, and missing rights, with what to do about it.
[[nodiscard]] Result<std::string> ask(const Options& options, std::string_view command,
                                      std::string_view params = "",
                                      std::chrono::seconds patience = std::chrono::seconds{10});

/// As ask. Nothing when the node does not run the plugin that serves `command`.
[[nodiscard]] Result<std::optional<std::string>> ask_if_served(const Options& options,
                                                               std::string_view command);

/// `text` without what would drive a terminal: plugins and peers choose some of it.
[[nodiscard]] std::string printable(std::string_view text);

/// Writes `text` to standard output, or the error as one line. Returns the exit code.
[[nodiscard]] int print(const Result<std::string>& text);

}  // namespace weft::cli
