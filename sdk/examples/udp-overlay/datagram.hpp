#pragma once
/// What goes over the wire: one Ethernet frame or one heartbeat per datagram, behind one header.
///
///   offset  bytes
///        0      2  magic, 0x7755 ("wU")
///        2      1  version, 1
///        3      1  kind: 0 frame, 1 heartbeat
///        4      8  connection: what both ends agreed on over TCP, and nobody else knows
///       12      6  name of the peer that the frame comes from
///       18      6  name of the peer that it is for, which may lie beyond the receiver
///       24      2  bytes that follow; exactly the rest of the datagram
///
/// Numbers are big-endian. A heartbeat's body is two numbers of 8 bytes: the sender's own clock in
/// nanoseconds, and the newest such number that it had from the receiver, 0 for none.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <weft/bytes.hpp>
#include <weft/net/headers.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/overlay/liveness.hpp>

namespace weft::udp_overlay {

inline constexpr std::size_t header_bytes = 26;
inline constexpr std::size_t heartbeat_bytes = 16;

using net::ethernet_header_bytes;
using Heartbeat = overlay::Stamps;

enum class Kind : std::uint8_t { frame = 0, heartbeat = 1 };

struct Header {
  Kind kind{};
  std::uint64_t connection = 0;
  PeerName source{};
  PeerName destination{};
  std::uint16_t length = 0;  ///< bytes after the header

  bool operator==(const Header&) const = default;
};

/// Writes `header_bytes` octets at `to`.
void write_header(std::byte* to, const Header& header) noexcept;
/// Writes `heartbeat_bytes` octets at `to`.
void write_heartbeat(std::byte* to, const Heartbeat& heartbeat) noexcept;

/// A datagram that follows the format.
struct Datagram {
  Header header;
  std::span<std::byte> body;  ///< a frame has at least its Ethernet header
};

/// Empty when `octets`, which are foreign, do not follow the format.
[[nodiscard]] std::optional<Datagram> parse(std::span<std::byte> octets) noexcept;
/// Of a datagram of kind heartbeat.
[[nodiscard]] Heartbeat heartbeat_of(const Datagram& datagram) noexcept;

}  // namespace weft::udp_overlay
