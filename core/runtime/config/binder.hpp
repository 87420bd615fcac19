#pragma once
/// Puts a table's values into the fields a schema declares.

#include <string>
#include <string_view>
#include <vector>

#include <weft/config.hpp>

#include "runtime/config/toml.hpp"

namespace weft::config {

/// Assigns every entry of `table` and returns everything that is wrong with it, in the order
/// written: unknown keys with the nearest known one, wrong types, values out of range. Fields
/// without an entry, and fields whose value was refused, keep their defaults.
[[nodiscard]] WEFT_EXPORT std::vector<Problem> bind_table(const Table& table, const Schema& schema,
                                                          const std::string& file);

/// "; did you mean 'listen'?" with the known word nearest to `given`, or nothing when none is near.
[[nodiscard]] WEFT_EXPORT std::string did_you_mean(std::string_view given,
                                                   const std::vector<std::string>& known);

}  // namespace weft::config
