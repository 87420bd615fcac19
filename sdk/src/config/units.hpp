#pragma once
/// Durations and sizes as an operator writes them: always with a unit.

#include <chrono>
#include <string>
#include <string_view>

#include <weft/config.hpp>
#include <weft/export.hpp>

namespace weft::config {

/// "250ms", "10s", "5m", "1h": one non-negative integer and one unit. Errors: Errc::invalid.
[[nodiscard]] WEFT_EXPORT Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// In the largest unit that expresses it exactly: 90000 ms is "90s", 3600000 ms is "1h".
[[nodiscard]] WEFT_EXPORT std::string format_duration(std::chrono::milliseconds value);

/// "512B", "64KiB", "10MiB", "1GiB", "1TiB". Errors: Errc::invalid.
[[nodiscard]] WEFT_EXPORT Result<ByteSize> parse_byte_size(std::string_view text);

/// In the largest unit that expresses it exactly.
[[nodiscard]] WEFT_EXPORT std::string format_byte_size(ByteSize size);

}  // namespace weft::config
