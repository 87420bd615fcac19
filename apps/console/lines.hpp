#pragma once
/// Lines that a plugin wrote for people: see <weft/page.hpp>.

#include <string>
#include <string_view>

#include <weft/result.hpp>

#include "page.hpp"

namespace weft::console {

/// Puts `list`, a JSON list of strings, on the page, each as one line. Errors: Errc::malformed.
[[nodiscard]] Result<> add_lines(std::string_view list, Page& page);

/// A page of nothing else.
[[nodiscard]] Result<std::string> render_lines(std::string_view list);

}  // namespace weft::console
