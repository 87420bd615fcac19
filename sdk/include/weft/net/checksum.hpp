#pragma once
/// The Internet checksum. Source: RFC 1071.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <weft/bytes.hpp>
#include <weft/export.hpp>

namespace weft::net {

/// A one's complement sum of 16-bit words in network order. A value; on lanes too.
///
/// Such sums do not depend on byte order until they are read, so native words are summed, as wide
/// as the processor has them.
class InternetChecksum {
 public:
  /// All parts but the last have an even length.
  InternetChecksum& add(ByteView octets) noexcept {
    if (octets.size() >= long_bytes) {
      sum_ = fold(Wide{sum_} + sum_long(octets));
      return *this;
    }
    const std::byte* from = octets.data();
    std::size_t left = octets.size();
    Wide even = sum_;
    Wide odd = 0;
    for (; left >= 16; from += 16, left -= 16) {
      even += load<std::uint64_t>(from);
      odd += load<std::uint64_t>(from + 8);
    }
    if ((left & 8U) != 0) {
      odd += load<std::uint64_t>(from);
      from += 8;
    }
    if ((left & 4U) != 0) {
      even += load<std::uint32_t>(from);
      from += 4;
    }
    if ((left & 2U) != 0) {
      odd += load<std::uint16_t>(from);
      from += 2;
    }
    if ((left & 1U) != 0) {
      even += network_order(static_cast<std::uint16_t>(std::to_integer<unsigned>(*from) << 8U));
    }
    sum_ = fold(even + odd);
    return *this;
  }

  /// The same, and copies them to `to`, which overlaps none of them: once through the cache for
  /// both.
  WEFT_EXPORT InternetChecksum& add_copying(std::byte* to, ByteView octets) noexcept;
  /// A word in host order, such as a length. Adding its complement takes it out of the sum.
  InternetChecksum& add(std::uint16_t word) noexcept {
    sum_ = fold(Wide{sum_} + network_order(word));
    return *this;
  }

  /// The sum itself in host order, for a checksum that somebody else completes.
  [[nodiscard]] std::uint16_t sum() const noexcept {
    std::uint64_t folded = sum_;
    while (folded >> 16U != 0) {
      folded = (folded & 0xFFFFU) + (folded >> 16U);
    }
    return network_order(static_cast<std::uint16_t>(folded));
  }

  /// What goes into the checksum field, in host order; 0 over octets that hold a correct one.
  [[nodiscard]] std::uint16_t finish() const noexcept { return static_cast<std::uint16_t>(~sum()); }

 private:
  __extension__ using Wide = unsigned __int128;

  /// From here on the call is worth it.
  static constexpr std::size_t long_bytes = 256;
  WEFT_EXPORT static std::uint64_t sum_long(ByteView octets) noexcept;

  template <class Word>
  static Word load(const std::byte* from) noexcept {
    Word word;
    std::memcpy(&word, from, sizeof word);
    return word;
  }
  /// Carries return at the low end.
  static std::uint64_t fold(Wide sum) noexcept {
    while (sum >> 64U != 0) {
      sum = static_cast<std::uint64_t>(sum) + (sum >> 64U);
    }
    return static_cast<std::uint64_t>(sum);
  }

  std::uint64_t sum_ = 0;
};

[[nodiscard]] inline std::uint16_t internet_checksum(ByteView octets) noexcept {
  return InternetChecksum{}.add(octets).finish();
}

}  // namespace weft::net
