#pragma once
/// A 48-bit peer identity, written like a MAC address.
/// Source: weaveworks/mesh, peer_name_mac.go.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <weft/bytes.hpp>
#include <weft/result.hpp>

namespace weft {

/// Compares as its integer value. Zero means "unknown".
enum class PeerName : std::uint64_t {};

inline constexpr PeerName unknown_peer{0};
inline constexpr std::size_t peer_name_bytes = 6;  // on the wire

/// Reads the six octets of a name at `from`, big-endian.
[[nodiscard]] inline PeerName load_peer_name(const std::byte* from) noexcept {
  return PeerName{static_cast<std::uint64_t>(load_be<std::uint16_t>(from)) << 32U |
                  load_be<std::uint32_t>(from + 2)};
}

/// Writes six octets at `to`, big-endian.
inline void store_peer_name(std::byte* to, PeerName name) noexcept {
  const auto value = static_cast<std::uint64_t>(name);
  store_be(to, static_cast<std::uint16_t>(value >> 32U));
  store_be(to + 2, static_cast<std::uint32_t>(value));
}

/// "aa:bb:cc:dd:ee:ff", lower case.
[[nodiscard]] WEFT_EXPORT std::string to_string(PeerName name);

/// Six groups of one or two hex digits, or one to four groups with exactly one "::".
/// Errors: Errc::invalid. Source: weaveworks/mesh peer_name_mac.go, PeerNameFromUserInput.
[[nodiscard]] WEFT_EXPORT Result<PeerName> parse_peer_name(std::string_view text);

}  // namespace weft
