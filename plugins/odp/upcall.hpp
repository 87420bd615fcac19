#pragma once
/// Frames that had no flow, as the kernel hands them up.

#include <cstdint>
#include <optional>

#include <linux/netlink.h>

#include <weft/bytes.hpp>

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

}  // namespace weft::odp
