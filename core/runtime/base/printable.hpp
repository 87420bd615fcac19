#pragma once
/// Text that somebody else chose, made safe to show: it stays on its line and drives no terminal.
/// Peers choose nicknames, containers choose names, and all of them end up in logs and on screens.

#include <cstddef>
#include <string>
#include <string_view>

#include <weft/export.hpp>

namespace weft {

/// Bytes of the character that `text` begins with, if it is a control character, a line separator
/// or one that changes the direction of what follows; else 0. `text` is not empty; it is UTF-8 or
/// not. Source: Unicode 15, categories Cc, Zl, Zp and the bidirectional controls.
[[nodiscard]] WEFT_EXPORT std::size_t control_bytes(std::string_view text) noexcept;

/// `text` with every such character as "\n", "\t" or one "\x1b" for each of its bytes.
[[nodiscard]] WEFT_EXPORT std::string one_line(std::string_view text);

}  // namespace weft
