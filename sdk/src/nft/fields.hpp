#pragma once
/// Where the kernel finds a field, and what the nft tool calls its type.

#include <cstddef>
#include <cstdint>

#include <weft/nft/field.hpp>

namespace weft::nft {

struct Place {
  bool is_meta = false;     ///< the kernel knows it: `where` is a meta key
  std::uint32_t where = 0;  ///< else the header that it is in
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
  std::uint32_t type = 0;  ///< Source: nftables datatype.h, enum datatypes
};

[[nodiscard]] Place place_of(Field field) noexcept;

/// Keys are loaded into registers of so many octets.
inline constexpr std::size_t register_bytes = 4;
/// How many octets a field takes in a key.
[[nodiscard]] std::size_t padded_bytes_of(Field field) noexcept;

}  // namespace weft::nft
