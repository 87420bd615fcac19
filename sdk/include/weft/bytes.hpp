#pragma once
/// Octets as they travel: an owning buffer, and big-endian loads and stores at any alignment.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

/// Reads a `T` in network order from `from`, which must hold at least sizeof(T) octets.
template <class T>
[[nodiscard]] constexpr T load_be(const std::byte* from) noexcept {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(static_cast<T>(value << 8U) | std::to_integer<T>(from[i]));
  }
  return value;
}

/// Writes `value` in network order to `to`, which must have room for sizeof(T) octets.
template <class T>
constexpr void store_be(std::byte* to, T value) noexcept {
  for (std::size_t i = sizeof(T); i-- > 0;) {
    to[i] = static_cast<std::byte>(value & 0xFFU);
    if constexpr (sizeof(T) > 1) {
      value = static_cast<T>(value >> 8U);
    }
  }
}

[[nodiscard]] inline ByteView as_bytes(std::string_view text) noexcept {
  return std::as_bytes(std::span{text.data(), text.size()});
}

[[nodiscard]] inline std::string_view as_text(ByteView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace weft
