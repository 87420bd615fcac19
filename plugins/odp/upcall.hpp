#pragma once
/// Frames that had no flow, as the kernel hands them up.

#include <cstdint>
#include <optional>

#include <linux/netlink.h>

#include <weft/bytes.hpp>
#include <weft/overlay/echoed_mtu.hpp>

#include "flow.hpp"

namespace weft::odp {

/// A frame that the kernel did not forward by itself, and where it entered. Views the message.
struct Upcall {
  bool is_miss = true;  ///< there was no flow; false: its flow sent it up (CheckLength)
  std::span<std::byte> frame{};
  PortNumber in_port = 0;
  std::optional<Tunnel> tunnel{};
};

/// Reads a message of the packet family. Empty for anything else, and for frames shorter than an
/// Ethernet header. Allocates nothing.
/// Source: Linux net/openvswitch/datapath.c, queue_userspace_packet.
[[nodiscard]] std::optional<Upcall> parse_upcall(nlmsghdr& message,
                                                 std::uint16_t packet_family) noexcept;

/// What fastdp sends itself to see whether a path works: both MACs and the type zero, the
/// connection's UID, the frame's length. Source: weaveworks/weave router/fastdp.go, heartbeat.
/// Then the echo, between weft peers; Weave Net peers send zeros there, and never look.
struct Heartbeat {
  std::uint64_t uid = 0;
  std::uint16_t frame_bytes = 0;  ///< as it says itself
  overlay::MtuEcho echo{};
};
inline constexpr std::size_t ethernet_bytes = 14;
inline constexpr std::size_t heartbeat_bytes = 24;  ///< without an echo
/// What VXLAN over IPv4 can carry, bytes of IP packet.
inline constexpr std::uint32_t max_mtu = 65485;

/// Empty when `frame` is none.
[[nodiscard]] std::optional<Heartbeat> parse_heartbeat(ByteView frame) noexcept;
/// A frame of `heartbeat.frame_bytes`, which is at least heartbeat_bytes and what an echo needs.
[[nodiscard]] Bytes make_heartbeat(const Heartbeat& heartbeat);

}  // namespace weft::odp
