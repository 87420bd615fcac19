#pragma once
/// Octets as people write them in tests.

#include <cstddef>
#include <string>

#include <weft/bytes.hpp>

namespace weft::testing {

/// Octets of hex digits; anything else in `text` is passed over.
inline Bytes from_hex(const std::string& text) {
  Bytes octets;
  std::size_t high = std::string::npos;
  for (const char c : text) {
    const std::size_t digit = std::string("0123456789abcdef").find(c);
    if (digit == std::string::npos) {
      continue;
    }
    if (high == std::string::npos) {
      high = digit;
    } else {
      octets.push_back(static_cast<std::byte>(high << 4U | digit));
      high = std::string::npos;
    }
  }
  return octets;
}

inline std::string to_hex(ByteView octets) {
  constexpr const char* digits = "0123456789abcdef";
  std::string text;
  for (const std::byte octet : octets) {
    text += digits[std::to_integer<unsigned>(octet) >> 4U];
    text += digits[std::to_integer<unsigned>(octet) & 0xFU];
  }
  return text;
}

}  // namespace weft::testing
