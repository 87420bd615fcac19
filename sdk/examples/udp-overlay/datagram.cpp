/// Writes and checks the overlay's header.

#include "datagram.hpp"

namespace weft::udp_overlay {
namespace {

constexpr std::uint16_t magic = 0x7755;
constexpr std::uint8_t version = 1;

bool is_body_size_right(std::uint8_t kind, std::size_t bytes) noexcept {
  switch (kind) {
    case static_cast<std::uint8_t>(Kind::frame):
      return bytes >= ethernet_header_bytes;
    case static_cast<std::uint8_t>(Kind::heartbeat):
      return bytes == heartbeat_bytes;
    default:
      return false;
  }
}

}  // namespace

void write_header(std::byte* to, const Header& header) noexcept {
  store_be(to, magic);
  to[2] = std::byte{version};
  to[3] = static_cast<std::byte>(header.kind);
  store_be(to + 4, header.connection);
  store_peer_name(to + 12, header.source);
  store_peer_name(to + 18, header.destination);
  store_be(to + 24, header.length);
}

void write_heartbeat(std::byte* to, const Heartbeat& heartbeat) noexcept {
  store_be(to, heartbeat.stamp);
  store_be(to + 8, heartbeat.echo);
}

std::optional<Datagram> parse(std::span<std::byte> octets) noexcept {
  if (octets.size() < header_bytes) {
    return std::nullopt;
  }
  const std::byte* const from = octets.data();
  const auto kind = std::to_integer<std::uint8_t>(from[3]);
  const auto length = load_be<std::uint16_t>(from + 24);
  const std::span<std::byte> body = octets.subspan(header_bytes);
  if (load_be<std::uint16_t>(from) != magic || from[2] != std::byte{version} ||
      length != body.size() || !is_body_size_right(kind, body.size())) {
    return std::nullopt;
  }
  return Datagram{{static_cast<Kind>(kind), load_be<std::uint64_t>(from + 4),
                   load_peer_name(from + 12), load_peer_name(from + 18), length},
                  body};
}

Heartbeat heartbeat_of(const Datagram& datagram) noexcept {
  return {load_be<std::uint64_t>(datagram.body.data()),
          load_be<std::uint64_t>(datagram.body.data() + 8)};
}

}  // namespace weft::udp_overlay
