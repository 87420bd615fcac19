#pragma once
/// Asking the running weftd.

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

}  // namespace weft::cli
