/// Control characters of ASCII and Unicode, found and escaped.

#include "runtime/base/printable.hpp"

#include <algorithm>

#include <fmt/core.h>

namespace weft {

std::size_t control_bytes(std::string_view text) noexcept {
  const auto octet = [text](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  if (octet(0) < 0x20 || octet(0) == 0x7F) {
    return 1;
  }
  if (octet(0) == 0xC2 && octet(1) >= 0x80 && octet(1) <= 0x9F) {
    return 2;  // U+0080 to U+009F
  }
  const bool is_general = octet(0) == 0xE2 && octet(1) == 0x80;
  const bool is_isolate = octet(0) == 0xE2 && octet(1) == 0x81;
  if ((is_general && (octet(2) == 0x8E || octet(2) == 0x8F)) ||  // U+200E, U+200F
      (is_general && octet(2) >= 0xA8 && octet(2) <= 0xAE) ||    // U+2028 to U+202E
      (is_isolate && octet(2) >= 0xA6 && octet(2) <= 0xA9)) {    // U+2066 to U+2069
    return 3;
  }
  return 0;
}

std::string one_line(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const std::size_t bytes = control_bytes(text);
    if (bytes == 0) {
      safe += text.front();
    } else if (text.front() == '\n') {
      safe += "\\n";
    } else if (text.front() == '\t') {
      safe += "\\t";
    } else {
      for (const char c : text.substr(0, bytes)) {
        safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      }
    }
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return safe;
}

}  // namespace weft
