#pragma once
/// Moments as control commands show them.

#include <string>

#include <weft/export.hpp>
#include <weft/loop.hpp>

namespace weft {

/// In UTC: "2026-01-31T12:00:00.000001Z".
[[nodiscard]] WEFT_EXPORT std::string time_text(WallTime time);

}  // namespace weft
