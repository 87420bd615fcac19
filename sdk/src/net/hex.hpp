#pragma once
/// Six-octet identifiers written as hex groups: shared by MAC addresses and peer names.

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/core.h>

namespace weft::net {

/// "aa:bb:cc:dd:ee:ff" of the low 48 bits.
inline std::string hex_groups(std::uint64_t value) {
  const auto octet = [value](unsigned index) {
    return static_cast<unsigned>(value >> (40U - 8U * index) & 0xFFU);
  };
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", octet(0), octet(1), octet(2),
                     octet(3), octet(4), octet(5));
}

/// One or two hex digits of either case, nothing else.
inline std::optional<std::uint8_t> hex_value(std::string_view digits) {
  std::uint8_t value = 0;
  if (digits.empty() || digits.size() > 2) {
    return std::nullopt;
  }
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace weft::net
