/// Looks into tunnelled frames just far enough to respect their wishes about fragmentation.
#include <weft/overlay/packet.hpp>

#include <weft/net/headers.hpp>

namespace weft::overlay {
namespace {

std::uint16_t ethertype(ByteView frame) noexcept {
  return load_be<std::uint16_t>(frame.data() + 12);
}

bool is_group(ByteView frame) noexcept {
  return (frame[0] & std::byte{1}) != std::byte{0};
}

/// RFC 792 and RFC 1122: types that are themselves reports.
bool is_icmp_error(ByteView frame, const Ipv4Packet& ip) noexcept {
  const std::size_t at = net::ethernet_header_bytes + ip.header_bytes;
  if (ip.protocol != net::protocol_icmp || frame.size() <= at) {
    return false;
  }
  const auto type = std::to_integer<unsigned>(frame[at]);
  return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/// RFC 4443 section 2.1: error messages have types below 128.
bool is_icmpv6_error(ByteView frame) noexcept {
  const std::size_t at = net::ethernet_header_bytes + net::ipv6_header_bytes;
  return std::to_integer<std::uint8_t>(frame[net::ethernet_header_bytes + 6]) ==
             net::protocol_icmpv6 &&
         frame.size() > at && std::to_integer<unsigned>(frame[at]) < 128;
}

Handling plan_ipv4(ByteView frame, const Ipv4Packet& ip, const PathLimits& path) noexcept {
  const bool fits = frame.size() <= path.mtu + net::ethernet_header_bytes;
  if (!ip.dont_fragment) {
    if (path.kernels_fragment) {
      return Handling::send_may_fragment;
    }
    return fits ? Handling::send_dont_fragment : Handling::fragment;
  }
  if (fits) {
    return Handling::send_dont_fragment;
  }
  const bool is_reportable =
      !is_group(frame) && ip.fragment_offset == 0 && !is_icmp_error(frame, ip);
  return is_reportable ? Handling::report_too_big : Handling::drop_too_big;
}

Handling plan_ipv6(ByteView frame, const PathLimits& path) noexcept {
  if (frame.size() <= path.mtu + net::ethernet_header_bytes) {
    return Handling::send_dont_fragment;
  }
  if (frame.size() <= ipv6_minimum_mtu + net::ethernet_header_bytes) {
    return Handling::send_may_fragment;  // IPv6 hosts need not go below its minimum
  }
  // RFC 4443 would have multicast senders told too, but by a router with an address of its own:
  // a report comes from the packet's destination here, and a group cannot be a source.
  const bool is_reportable = !is_group(frame) && !is_icmpv6_error(frame);
  return is_reportable ? Handling::report_too_big : Handling::drop_too_big;
}

}  // namespace

std::optional<Ipv4Packet> parse_ipv4(ByteView frame) noexcept {
  if (frame.size() < net::ethernet_header_bytes + net::ipv4_header_bytes ||
      ethertype(frame) != net::ethertype_ipv4) {
    return std::nullopt;
  }
  const std::byte* const ip = frame.data() + net::ethernet_header_bytes;
  const auto version_and_words = std::to_integer<unsigned>(ip[0]);
  const auto flags_and_offset = load_be<std::uint16_t>(ip + 6);
  const Ipv4Packet packet{.header_bytes = (version_and_words & 0xFU) * 4U,
                          .total_bytes = load_be<std::uint16_t>(ip + 2),
                          .dont_fragment = (flags_and_offset & 0x4000U) != 0,
                          .more_fragments = (flags_and_offset & 0x2000U) != 0,
                          .fragment_offset = static_cast<std::uint16_t>(flags_and_offset & 0x1FFFU),
                          .protocol = std::to_integer<std::uint8_t>(ip[9])};
  const bool is_sound = version_and_words >> 4U == 4 &&
                        packet.header_bytes >= net::ipv4_header_bytes &&
                        packet.header_bytes <= packet.total_bytes &&
                        packet.total_bytes <= frame.size() - net::ethernet_header_bytes;
  return is_sound ? std::optional(packet) : std::nullopt;
}

bool is_ipv6(ByteView frame) noexcept {
  return frame.size() >= net::ethernet_header_bytes + net::ipv6_header_bytes &&
         ethertype(frame) == net::ethertype_ipv6 &&
         std::to_integer<unsigned>(frame[net::ethernet_header_bytes]) >> 4U == 6;
}

Handling plan(ByteView frame, const PathLimits& path) noexcept {
  if (const auto ip = parse_ipv4(frame)) {
    return plan_ipv4(frame, *ip, path);
  }
  return is_ipv6(frame) ? plan_ipv6(frame, path) : Handling::send_may_fragment;
}

}  // namespace weft::overlay
