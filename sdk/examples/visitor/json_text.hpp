#pragma once
/// Text as a JSON value, for answers on the control socket.

#include <string>
#include <string_view>

namespace example {

/// `text`, which is UTF-8, in quotes. Source: RFC 8259 section 7.
[[nodiscard]] std::string json_text(std::string_view text);

}  // namespace example
