/// Reads and writes heartbeats.

#include "heartbeat.hpp"

#include <algorithm>

#include <weft/net/headers.hpp>

namespace weft::fastdp {
namespace {

constexpr std::size_t uid_at = net::ethernet_header_bytes;
constexpr std::size_t length_at = uid_at + sizeof(std::uint64_t);
constexpr std::size_t mtu_at = heartbeat_bytes;
constexpr std::size_t heard_at = mtu_at + sizeof(std::uint16_t);
constexpr std::size_t echo_end = heard_at + sizeof(std::uint16_t);

}  // namespace

std::optional<Heartbeat> parse_heartbeat(ByteView frame) noexcept {
  const auto is_zero = [](std::byte octet) { return octet == std::byte{0}; };
  if (frame.size() < heartbeat_bytes || !std::ranges::all_of(frame.first(12), is_zero)) {
    return std::nullopt;
  }
  Heartbeat heartbeat{load_be<std::uint64_t>(frame.data() + uid_at),
                      load_be<std::uint16_t>(frame.data() + length_at)};
  if (frame.size() >= echo_end) {
    heartbeat.echo = {load_be<std::uint16_t>(frame.data() + mtu_at),
                      load_be<std::uint16_t>(frame.data() + heard_at)};
  }
  return heartbeat;
}

Bytes make_heartbeat(const Heartbeat& heartbeat) {
  Bytes frame(heartbeat.frame_bytes);
  store_be(frame.data() + uid_at, heartbeat.uid);
  store_be(frame.data() + length_at, heartbeat.frame_bytes);
  if (heartbeat.echo != overlay::MtuEcho{}) {
    store_be(frame.data() + mtu_at, static_cast<std::uint16_t>(heartbeat.echo.mtu));
    store_be(frame.data() + heard_at, static_cast<std::uint16_t>(heartbeat.echo.heard));
  }
  return frame;
}

}  // namespace weft::fastdp
