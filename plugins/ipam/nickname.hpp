#pragma once
/// What other peers call themselves: foreign text that people see.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include <weft/bytes.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>

#include "common/gob/decoder.hpp"

namespace weft::ipam {

/// Longer nicknames are cut. Source: RFC 1035 section 2.3.4, the longest host name.
inline constexpr std::size_t max_nickname_bytes = 255;
/// Nicknames read from one message, and octets of nicknames in one that is sent: with a ring or a
/// vote of the largest size it stays below the 10 MiB of a mesh message.
inline constexpr std::size_t max_nicknames = 16'384;
inline constexpr std::size_t max_sent_nickname_bytes = std::size_t{1} << 20U;

using Nicknames = std::map<PeerName, std::string>;

/// A nickname as it is kept and shown: cut, and with '?' in place of control characters, of marks
/// that turn the direction of text, and of what is not UTF-8.
[[nodiscard]] std::string tame_nickname(std::string_view foreign);

/// A peer's name, with its nickname if that is known.
[[nodiscard]] std::string with_nickname(const Nicknames& nicknames, PeerName peer);

/// Reads a gob map of peers to nicknames, up to max_nicknames. Errors: Errc::malformed.
[[nodiscard]] Result<Nicknames> read_nicknames(gob::ValueReader& from);
/// Writes such a map: as many as fit. What is left out is only what people would see.
void put_nicknames(Bytes& to, const Nicknames& nicknames);

}  // namespace weft::ipam
