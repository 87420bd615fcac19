#pragma once
/// Nicknames are free text of peers: informational, shown to people, kept for every peer.

#include <cstddef>
#include <string>
#include <string_view>

namespace weft::mesh {

inline constexpr std::size_t max_nickname_bytes = 255;

/// The part of a peer's nickname that is kept: `max_nickname_bytes` at most, whole UTF-8
/// characters.
[[nodiscard]] inline std::string clip_nickname(std::string_view nickname) {
  if (nickname.size() <= max_nickname_bytes) {
    return std::string(nickname);
  }
  std::size_t end = max_nickname_bytes;
  const auto continues = [&] {
    return (static_cast<unsigned char>(nickname[end]) & 0xC0U) == 0x80U;
  };
  while (end > max_nickname_bytes - 3 && continues()) {
    --end;
  }
  return std::string(nickname.substr(0, end));
}

}  // namespace weft::mesh
