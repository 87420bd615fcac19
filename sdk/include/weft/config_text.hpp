#pragma once
/// Configuration values as they are written in TOML: for defaults and for messages.

#include <string>
#include <string_view>

#include <weft/config.hpp>

namespace weft::config {

/// A TOML basic string, escaped.
[[nodiscard]] WEFT_EXPORT std::string in_quotes(std::string_view text);

/// true, 6783, 0.5, "10s", ["a", "b"].
[[nodiscard]] WEFT_EXPORT std::string value_text(const ConfigValue& value);

}  // namespace weft::config
