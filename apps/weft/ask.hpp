#pragma once
/// Asking the running weftd.

#include <chrono>
#include <functional>
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

/// Control command `command`, which opens a stream: its answer and then each line, as JSON text, go
/// to `on_line` until that returns false. Errors: as ask.
[[nodiscard]] Result<> follow(const Options& options, std::string_view command,
                              std::string_view params,
                              const std::function<bool(const std::string&)>& on_line);

}  // namespace weft::cli
