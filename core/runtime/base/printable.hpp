#pragma once
/// Text that somebody else chose, made safe to show: it stays on its line and drives no terminal.
/// Peers choose nicknames, containers choose names, and all of them end up in logs and on screens.

#include <string>
#include <string_view>

#include <weft/export.hpp>

namespace weft {

/// `text` with control characters, line separators, those that change the direction of what
/// follows, and what is no UTF-8, as "\n", "\t" or one "\x1b" for each byte: UTF-8. Source: Unicode
/// 15, categories Cc, Zl, Zp and the bidirectional controls.
[[nodiscard]] WEFT_EXPORT std::string one_line(std::string_view text);

/// The same for JSON, which lets most of these characters stand in its texts: they become "\u202e".
/// Newlines outside of texts stay. `json` is UTF-8.
[[nodiscard]] WEFT_EXPORT std::string printable_json(std::string_view json);

}  // namespace weft
