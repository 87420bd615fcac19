/// Control characters of ASCII and Unicode, and what is no UTF-8, found and escaped.

#include "runtime/base/printable.hpp"

#include <algorithm>

#include <fmt/core.h>

namespace weft {
namespace {

constexpr unsigned octet(std::string_view text, std::size_t at) noexcept {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
}

/// Bytes of the character that `text` begins with; 0 when it begins with no UTF-8.
/// Source: RFC 3629 section 4.
std::size_t utf8_bytes(std::string_view text) noexcept {
  const unsigned first = octet(text, 0);
  if (first < 0x80) {
    return 1;
  }
  const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) {
    return 0;
  }
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((octet(text, i) & 0xC0U) != 0x80) {
      return 0;
    }
  }
  const unsigned second = octet(text, 1);
  const bool is_overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool is_surrogate = first == 0xED && second > 0x9F;
  const bool is_beyond = first == 0xF4 && second > 0x8F;
  return is_overlong || is_surrogate || is_beyond ? 0 : bytes;
}

unsigned code_point(std::string_view character) noexcept {
  unsigned value = octet(character, 0);
  if (character.size() > 1) {
    value &= 0xFFU >> (character.size() + 1);
  }
  for (const char c : character.substr(1)) {
    value = value << 6U | (static_cast<unsigned char>(c) & 0x3FU);
  }
  return value;
}

struct Character {
  std::string_view bytes;  // one, where the text is no UTF-8
  bool is_printable;
};

/// Takes the first character off `text`, which is not empty.
Character take_character(std::string_view& text) noexcept {
  const std::size_t bytes = utf8_bytes(text);
  const std::string_view character = text.substr(0, std::max<std::size_t>(bytes, 1));
  text.remove_prefix(character.size());
  const unsigned value = code_point(character);
  const auto is_between = [value](unsigned first, unsigned last) {
    return value >= first && value <= last;
  };
  const bool is_control = value < 0x20 || is_between(0x7F, 0x9F) || value == 0x061C ||
                          value == 0x200E || value == 0x200F || is_between(0x2028, 0x202E) ||
                          is_between(0x2066, 0x2069);
  return {character, bytes != 0 && !is_control};
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const auto [bytes, is_printable] = take_character(text);
    if (is_printable) {
      safe += bytes;
    } else if (bytes == "\n") {
      safe += "\\n";
    } else if (bytes == "\t") {
      safe += "\\t";
    } else {
      for (const char c : bytes) {
        safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      }
    }
  }
  return safe;
}

std::string printable_json(std::string_view json) {
  std::string safe;
  safe.reserve(json.size());
  while (!json.empty()) {
    const auto [bytes, is_printable] = take_character(json);
    if (is_printable || bytes == "\n") {
      safe += bytes;
    } else {
      safe += fmt::format("\\u{:04x}", code_point(bytes));
    }
  }
  return safe;
}

}  // namespace weft
