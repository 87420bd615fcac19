#pragma once
/// Frames that had no flow, as the kernel hands them up.

#include <cstdint>
#include <optional>

#include <linux/netlink.h>

#include <weft/bytes.hpp>

#include "flow.hpp"

namespace weft::odp {

/// A miss: the frame, and where it entered. Views the message.
struct Upcall {
  std::span<std::byte> frame;
  PortNumber in_port = 0;
  std::optional<Tunnel> tunnel;
};

/// Reads a message of the packet family. Empty for anything else, and for frames shorter than an
/// Ethernet header. Allocates nothing.
/// Source: Linux net/openvswitch/datapath.c, queue_userspace_packet.
[[nodiscard]] std::optional<Upcall> parse_upcall(nlmsghdr& message,
                                                 std::uint16_t packet_family) noexcept;

/// What fastdp sends itself to see whether a path works: both MACs and the type zero, the
/// connection's UID, the frame's length. Source: weaveworks/weave router/fastdp.go, heartbeat.
struct Heartbeat {
  std::uint64_t uid = 0;
  std::uint16_t frame_bytes = 0;  ///< as it says itself
};
inline constexpr std::size_t heartbeat_bytes = 24;

/// Empty when `frame` is none.
[[nodiscard]] std::optional<Heartbeat> parse_heartbeat(ByteView frame) noexcept;
/// A frame of `frame_bytes`, at least heartbeat_bytes.
[[nodiscard]] Bytes make_heartbeat(std::uint64_t uid, std::size_t frame_bytes);

}  // namespace weft::odp
