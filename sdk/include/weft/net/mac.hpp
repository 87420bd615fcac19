#pragma once
/// A 48-bit Ethernet address. A value: no I/O.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <weft/bytes.hpp>
#include <weft/result.hpp>

namespace weft::net {

struct Mac {
  std::array<std::byte, 6> octets{};

  auto operator<=>(const Mac&) const = default;

  /// Reads six octets at `from`.
  [[nodiscard]] static Mac load(const std::byte* from) noexcept {
    Mac mac;
    for (std::size_t i = 0; i < mac.octets.size(); ++i) {
      mac.octets[i] = from[i];
    }
    return mac;
  }

  /// The 48 bits as an integer, first octet most significant.
  [[nodiscard]] std::uint64_t value() const noexcept {
    return std::uint64_t{load_be<std::uint16_t>(octets.data())} << 32U |
           load_be<std::uint32_t>(octets.data() + 2);
  }

  [[nodiscard]] static Mac from_value(std::uint64_t value) noexcept {
    Mac mac;
    store_be(mac.octets.data(), static_cast<std::uint16_t>(value >> 32U));
    store_be(mac.octets.data() + 2, static_cast<std::uint32_t>(value));
    return mac;
  }

  /// Broadcast and multicast addresses have the lowest bit of the first octet set.
  [[nodiscard]] bool is_group() const noexcept {
    return (octets[0] & std::byte{1}) != std::byte{0};
  }
};

/// "aa:bb:cc:dd:ee:ff", lower case.
[[nodiscard]] WEFT_EXPORT std::string to_string(const Mac& mac);

/// Six groups of two hex digits separated by ':'. Errors: Errc::invalid.
[[nodiscard]] WEFT_EXPORT Result<Mac> parse_mac(std::string_view text);

}  // namespace weft::net
