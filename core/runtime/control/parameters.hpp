#pragma once
/// Puts a request's JSON into the parameters that a command declares, and runs it.

#include <string_view>

#include <weft/control.hpp>
#include <weft/export.hpp>
#include <weft/result.hpp>

namespace weft::control {

/// Assigns every member of the JSON object `json`; null counts as not given. Errors: Errc::invalid,
/// which names the parameter and what it wants, for the first that does not fit.
[[nodiscard]] WEFT_EXPORT Result<> bind_parameters(std::string_view json, const Schema& schema);

/// Runs one call of a command on its loop, or answers why its parameters do not fit. Returns what
/// ends the work.
[[nodiscard]] WEFT_EXPORT Task run_command(CommandCall& call, std::string_view json,
                                           Reply<std::string> reply);

}  // namespace weft::control
