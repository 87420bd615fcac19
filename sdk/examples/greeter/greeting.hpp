#pragma once
/// What is said; knows nothing of plugins.

#include <string>
#include <string_view>

#include <weft/result.hpp>

namespace example {

/// "Hello, Ada". Errors: Errc::invalid when `name` is empty; Errc::not_found for a language that is
/// not spoken here, naming those that are.
[[nodiscard]] weft::Result<std::string> greeting(std::string_view language, std::string_view name);

}  // namespace example
