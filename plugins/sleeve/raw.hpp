#pragma once
/// What the cipher libraries take: octets as unsigned char, and the nonce of an AEAD.

#include <algorithm>
#include <array>
#include <cstddef>

#include "datagram.hpp"

namespace weft::sleeve {

[[nodiscard]] inline unsigned char* raw(std::byte* octets) noexcept {
  return reinterpret_cast<unsigned char*>(octets);
}
[[nodiscard]] inline const unsigned char* raw(const std::byte* octets) noexcept {
  return reinterpret_cast<const unsigned char*>(octets);
}

inline constexpr std::size_t aead_nonce_bytes = 12;

/// Four zero octets and the sequence word as it travels: each direction and generation has its own
/// key, and the word holds the rest of what makes datagrams differ.
[[nodiscard]] inline std::array<unsigned char, aead_nonce_bytes> aead_nonce(
    const std::byte* word) noexcept {
  std::array<unsigned char, aead_nonce_bytes> nonce{};
  std::copy_n(raw(word), sequence_bytes, nonce.end() - sequence_bytes);
  return nonce;
}

}  // namespace weft::sleeve
