#pragma once
/// JSON values as the report shows them: with Go's escapes. Pure.

#include <cstdint>
#include <string>

#include "console/json.hpp"

namespace weft::cli {

enum class JsonLayout : std::uint8_t { compact, indented };

/// `value` as JSON, with '<', '>' and '&' as Go writes them, and without a newline at its end.
/// Source: Go encoding/json, HTMLEscape.
[[nodiscard]] std::string report_text(const console::Json& value, JsonLayout layout);

/// The text of a string on one line, as peers choose some of it; other values as compact JSON.
[[nodiscard]] std::string plain_text(const console::Json& value);

}  // namespace weft::cli
