#pragma once
/// The Internet checksum. Source: RFC 1071.

#include <cstddef>
#include <cstdint>

#include <weft/bytes.hpp>

namespace weft::inner {

/// Adds `bytes` to a running one's-complement sum. All but the last part must be of even length.
[[nodiscard]] inline std::uint32_t add_to_sum(std::uint32_t sum, ByteView bytes) noexcept {
  std::size_t i = 0;
  for (; i + 1 < bytes.size(); i += 2) {
    sum += load_be<std::uint16_t>(bytes.data() + i);
  }
  if (i < bytes.size()) {
    sum += std::to_integer<std::uint32_t>(bytes[i]) << 8U;
  }
  return sum;
}

[[nodiscard]] inline std::uint16_t finish_sum(std::uint32_t sum) noexcept {
  while (sum >> 16U != 0) {
    sum = (sum & 0xFFFFU) + (sum >> 16U);
  }
  return static_cast<std::uint16_t>(~sum & 0xFFFFU);
}

[[nodiscard]] inline std::uint16_t checksum(ByteView bytes) noexcept {
  return finish_sum(add_to_sum(0, bytes));
}

}  // namespace weft::inner
