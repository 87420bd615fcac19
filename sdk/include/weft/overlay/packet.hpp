#pragma once
/// What a tunnelled frame carries, and what must happen when it does not fit the path. Pure.

#include <cstddef>
#include <cstdint>
#include <optional>

#include <weft/bytes.hpp>

namespace weft::overlay {

/// The part of an IPv4 header that forwarding looks at; lengths are checked against the frame.
struct Ipv4Packet {
  std::size_t header_bytes = 0;
  std::size_t total_bytes = 0;  ///< without Ethernet header and padding
  bool dont_fragment = false;
  bool more_fragments = false;
  std::uint16_t fragment_offset = 0;  ///< in units of 8 bytes
  std::uint8_t protocol = 0;
};

/// Nothing unless `frame` is untagged Ethernet with a sound IPv4 header.
[[nodiscard]] std::optional<Ipv4Packet> parse_ipv4(ByteView frame) noexcept;
/// True for untagged Ethernet with a whole IPv6 header.
[[nodiscard]] bool is_ipv6(ByteView frame) noexcept;

/// RFC 8200 section 5: every link carries this much, fragmenting below IPv6 if it must.
inline constexpr std::uint32_t ipv6_minimum_mtu = 1280;

/// How a frame goes to the next peer.
enum class Handling : std::uint8_t {
  send_dont_fragment,
  send_may_fragment,
  fragment,        ///< the router cuts it into pieces that are sent with dont_fragment
  report_too_big,  ///< ICMP or ICMPv6 to the sender
  drop_too_big,    ///< no report is allowed: a group address, a later fragment, an ICMP error
};

/// What the path to the peer can do.
struct PathLimits {
  std::uint32_t mtu = 0;          ///< largest IP packet inside, bytes
  bool kernels_fragment = false;  ///< a fragmented datagram is known to arrive
};

/// Source: weaveworks/weave router/sleeve.go, curriedForward.Process. Beyond it: IPv6 packets
/// count as DF, and who may not be sent an ICMP error (RFC 1122 section 3.2.2) is respected.
[[nodiscard]] Handling plan(ByteView frame, const PathLimits& path) noexcept;

}  // namespace weft::overlay
