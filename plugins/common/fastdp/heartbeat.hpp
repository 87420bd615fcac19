#pragma once
/// Heartbeats of a tunnel, as frames.

#include <cstddef>
#include <cstdint>
#include <optional>

#include <weft/bytes.hpp>
#include <weft/overlay/echoed_mtu.hpp>

namespace weft::fastdp {

/// What fastdp sends itself to see whether a path works: both MACs and the type zero, the
/// connection's UID, the frame's length. Source: weaveworks/weave router/fastdp.go, heartbeat.
/// Then the echo, between weft peers; Weave Net peers send zeros there, and never look.
struct Heartbeat {
  std::uint64_t uid = 0;
  std::uint16_t frame_bytes = 0;  ///< as it says itself
  overlay::MtuEcho echo{};
};
inline constexpr std::size_t heartbeat_bytes = 24;  ///< without an echo

/// Empty when `frame` is none.
[[nodiscard]] std::optional<Heartbeat> parse_heartbeat(ByteView frame) noexcept;
/// A frame of `heartbeat.frame_bytes`, which is at least heartbeat_bytes and what an echo needs.
[[nodiscard]] Bytes make_heartbeat(const Heartbeat& heartbeat);

}  // namespace weft::fastdp
