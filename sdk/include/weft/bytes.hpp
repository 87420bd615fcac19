#pragma once
/// Octets as they travel: an owning buffer, and big-endian loads and stores at any alignment.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

/// Swaps the octets of an integer where the machine's order is not the network's.
template <class T>
[[nodiscard]] constexpr T network_order(T value) noexcept {
  if constexpr (std::endian::native == std::endian::big || sizeof(T) == 1) {
    return value;
  } else if constexpr (sizeof(T) == 2) {
    return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  } else if constexpr (sizeof(T) == 4) {
    return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  } else {
    static_assert(sizeof(T) == 8, "an integer");
    return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  }
}

/// Reads a `T` in network order from `from`, which must hold at least sizeof(T) octets.
template <class T>
[[nodiscard]] inline T load_be(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return network_order(value);
}

/// Writes `value` in network order to `to`, which must have room for sizeof(T) octets.
template <class T>
inline void store_be(std::byte* to, T value) noexcept {
  value = network_order(value);
  std::memcpy(to, &value, sizeof value);
}

[[nodiscard]] inline ByteView as_bytes(std::string_view text) noexcept {
  return std::as_bytes(std::span{text.data(), text.size()});
}

[[nodiscard]] inline std::string_view as_text(ByteView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace weft
