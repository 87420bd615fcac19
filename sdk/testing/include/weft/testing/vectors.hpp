#pragma once
/// Golden octets of the original, from tests/interop/vectors: "name: X", "hex:", indented lines.

#include <cstddef>
#include <fstream>
#include <stdexcept>
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

/// The vector called `name` in `file` ("topology.txt"). Throws when it is not there.
inline Bytes golden(const std::string& file, const std::string& name) {
  std::ifstream input(std::string(WEFT_SOURCE_DIR) + "/tests/interop/vectors/" + file);
  std::string line;
  std::string hex;
  bool is_wanted = false;
  bool is_hex = false;
  while (std::getline(input, line)) {
    if (line.rfind("name: ", 0) == 0) {
      is_wanted = line.substr(6) == name;
      is_hex = false;
    } else if (is_wanted && line == "hex:") {
      is_hex = true;
    } else if (is_hex && line.rfind("  ", 0) == 0) {
      hex += line;
    } else if (is_hex) {
      break;
    }
  }
  if (hex.empty()) {
    throw std::runtime_error("no vector '" + name + "' in " + file);
  }
  return from_hex(hex);
}

}  // namespace weft::testing
