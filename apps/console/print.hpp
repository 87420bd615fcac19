#pragma once
/// What a command says to the operator, and how it ends.

#include <string>
#include <string_view>

#include <weft/result.hpp>

namespace weft::console {

inline constexpr int exit_ok = 0;
inline constexpr int exit_error = 1;
inline constexpr int exit_usage = 2;

/// `text` without what would drive a terminal: plugins and peers choose some of it.
[[nodiscard]] std::string printable(std::string_view text);

/// Writes `text` to standard output, or the error as one line. Returns the exit code.
[[nodiscard]] int print(const Result<std::string>& text);

/// Writes "PROGRAM: ..." to standard error. Returns exit_error.
[[nodiscard]] int report_error(const Error& error);
/// The same of a whole sentence.
[[nodiscard]] int report_problem(std::string_view sentence);

}  // namespace weft::console
