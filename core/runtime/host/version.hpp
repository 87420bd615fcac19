#pragma once
/// Which release this is.

#include <string_view>

#include <weft/export.hpp>

namespace weft::host {

/// "0.1.0".
[[nodiscard]] WEFT_EXPORT std::string_view product_version() noexcept;

}  // namespace weft::host
