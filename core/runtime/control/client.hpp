#pragma once
/// Asks a running weftd one thing and waits for the answer. For short-lived programs such as the
/// command line and the CNI plugin; never for code on a loop.

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include <weft/export.hpp>
#include <weft/result.hpp>

namespace weft::control {

/// Sends `command` with `params` (a JSON object as text, or empty) to the socket at `path` and
/// returns the result as JSON text. Blocks for at most `timeout` in all; not for loops or lanes.
///
/// Errors: those the command answered, with their code; Errc::timeout; Errc::closed, weftd ended
/// meanwhile; ENOENT or ECONNREFUSED when no weftd listens there; EACCES.
[[nodiscard]] WEFT_EXPORT Result<std::string> call(const std::string& path,
                                                   std::string_view command,
                                                   std::string_view params,
                                                   std::chrono::milliseconds timeout);

/// Sends `line`, which ends with a newline, and returns the answer's line without its newline.
/// Errors: as `call`, except what the command itself answers.
[[nodiscard]] WEFT_EXPORT Result<std::string> exchange_line(const std::string& path,
                                                            std::string_view line,
                                                            std::chrono::milliseconds timeout);

/// As `call` for a command that opens a stream: hands its answer and then each line, as JSON text,
/// to `on_line` until that returns false. Waits for lines without end. Errors: as `call`;
/// Errc::closed when weftd ends.
[[nodiscard]] WEFT_EXPORT Result<> follow(const std::string& path, std::string_view command,
                                          std::string_view params,
                                          std::chrono::milliseconds timeout,
                                          const std::function<bool(const std::string&)>& on_line);

}  // namespace weft::control
