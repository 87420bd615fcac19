/// Reads and patches TCP and UDP headers. Sources: RFC 791, 768, 8200, 9293.

#include "segment_view.hpp"

#include <cstring>

#include <weft/net/checksum.hpp>
#include <weft/net/headers.hpp>

namespace weft::bridge {
namespace {

constexpr std::uint16_t fragment_mask = 0x3FFF;  // more fragments, offset
constexpr std::uint16_t dont_fragment = 0x4000;

constexpr std::size_t tcp_flags_at = 13;
constexpr std::byte tcp_push{0x08};
constexpr std::byte tcp_ack{0x10};
constexpr std::byte tcp_ece{0x40};

std::uint8_t octet(const std::byte* at) noexcept {
  return std::to_integer<std::uint8_t>(*at);
}

/// Spreads what tells flows apart; not a defence, a collision only keeps frames from being joined.
std::uint64_t mix(std::uint64_t value, const std::byte* octets, std::size_t count) noexcept {
  for (; count >= sizeof(std::uint32_t); count -= sizeof(std::uint32_t)) {
    value = (value ^ load_be<std::uint32_t>(octets)) * 0x9E3779B97F4A7C15U;
    octets += sizeof(std::uint32_t);
  }
  return value;
}

void read_tcp(ByteView frame, std::size_t end, SegmentView& segment) noexcept {
  const std::byte* const tcp = frame.data() + segment.transport_at;
  const std::size_t header = std::size_t{octet(tcp + 12)} / 16 * 4;
  const std::size_t payload_at = segment.transport_at + header;
  const std::byte others = tcp[tcp_flags_at] & ~(tcp_push | tcp_ece);
  segment.sequence = load_be<std::uint32_t>(tcp + 4);
  segment.is_joinable = header >= net::tcp_header_bytes && payload_at < end && others == tcp_ack &&
                        end == frame.size();
  if (segment.is_joinable) {
    segment.header_bytes = static_cast<std::uint16_t>(payload_at);
    segment.payload_bytes = static_cast<std::uint32_t>(end - payload_at);
  }
}

void read_udp(ByteView frame, std::size_t end, SegmentView& segment) noexcept {
  const std::byte* const udp = frame.data() + segment.transport_at;
  const std::size_t payload_at = segment.transport_at + net::udp_header_bytes;
  segment.is_joinable = payload_at < end && end == frame.size() &&
                        load_be<std::uint16_t>(udp + 4) == end - segment.transport_at;
  if (segment.is_joinable) {
    segment.header_bytes = static_cast<std::uint16_t>(payload_at);
    segment.payload_bytes = static_cast<std::uint32_t>(end - payload_at);
  }
}

/// Fills in what lies behind the IP header; `end` is where the packet ends.
Classified read_transport(ByteView frame, std::uint8_t protocol, std::size_t end,
                          SegmentView segment) noexcept {
  segment.is_tcp = protocol == net::protocol_tcp;
  if (end > frame.size() || end < segment.transport_at + (segment.is_tcp ? net::tcp_header_bytes
                                                                         : net::udp_header_bytes)) {
    return {.segment = {}, .is_opaque = true};
  }
  segment.flow = mix(segment.flow, frame.data() + segment.transport_at, 4) + protocol;
  if (segment.is_tcp) {
    read_tcp(frame, end, segment);
  } else {
    read_udp(frame, end, segment);
  }
  return {.segment = segment, .is_opaque = false};
}

Classified read_ipv4(ByteView frame) noexcept {
  const std::byte* const ip = frame.data() + net::ethernet_header_bytes;
  if (frame.size() < net::ethernet_header_bytes + net::ipv4_header_bytes || octet(ip) != 0x45) {
    return {.segment = {}, .is_opaque = true};
  }
  const auto fragment = load_be<std::uint16_t>(ip + 6);
  if ((fragment & fragment_mask) != 0) {
    return {.segment = {}, .is_opaque = true};
  }
  const std::uint8_t protocol = octet(ip + 9);
  if (protocol != net::protocol_tcp && protocol != net::protocol_udp) {
    return {.segment = {}, .is_opaque = protocol != net::protocol_icmp};
  }
  return read_transport(frame, protocol,
                        net::ethernet_header_bytes + load_be<std::uint16_t>(ip + 2),
                        {.flow = mix(0, ip + 12, 8),
                         .is_v4 = true,
                         .transport_at = net::ethernet_header_bytes + net::ipv4_header_bytes,
                         .identification = load_be<std::uint16_t>(ip + 4),
                         .is_atomic = (fragment & dont_fragment) != 0});
}

Classified read_ipv6(ByteView frame) noexcept {
  const std::byte* const ip = frame.data() + net::ethernet_header_bytes;
  if (frame.size() < net::ethernet_header_bytes + net::ipv6_header_bytes) {
    return {.segment = {}, .is_opaque = true};
  }
  const std::uint8_t protocol = octet(ip + 6);
  if (protocol != net::protocol_tcp && protocol != net::protocol_udp) {
    return {.segment = {}, .is_opaque = protocol != net::protocol_icmpv6};
  }
  return read_transport(
      frame, protocol,
      net::ethernet_header_bytes + net::ipv6_header_bytes + load_be<std::uint16_t>(ip + 4),
      {.flow = mix(0, ip + 8, 32),
       .transport_at = net::ethernet_header_bytes + net::ipv6_header_bytes});
}

bool are_equal(ByteView a, ByteView b, std::size_t from, std::size_t to) noexcept {
  return std::memcmp(a.data() + from, b.data() + from, to - from) == 0;
}

net::InternetChecksum pseudo_header(const std::byte* frame, const SegmentView& segment,
                                    std::uint32_t transport_bytes) noexcept {
  const std::byte* const ip = frame + net::ethernet_header_bytes;
  net::InternetChecksum sum;
  sum.add(segment.is_v4 ? ByteView{ip + 12, 8} : ByteView{ip + 8, 32})
      .add(static_cast<std::uint16_t>(transport_bytes))
      .add(segment.is_tcp ? net::protocol_tcp : net::protocol_udp);
  return sum;
}

}  // namespace

Classified classify(ByteView frame) noexcept {
  if (frame.size() < net::ethernet_header_bytes) {
    return {};
  }
  switch (load_be<std::uint16_t>(frame.data() + 12)) {
    case net::ethertype_ipv4:
      return read_ipv4(frame);
    case net::ethertype_ipv6:
      return read_ipv6(frame);
    default:
      return {};
  }
}

bool has_good_checksums(ByteView frame, const SegmentView& segment) noexcept {
  if (segment.is_v4 && net::internet_checksum(frame.subspan(net::ethernet_header_bytes,
                                                            net::ipv4_header_bytes)) != 0) {
    return false;
  }
  const ByteView transport = frame.subspan(segment.transport_at);
  if (!segment.is_tcp && load_be<std::uint16_t>(transport.data() + net::udp_checksum_at) == 0) {
    return false;  // its sender left it out
  }
  return pseudo_header(frame.data(), segment, static_cast<std::uint32_t>(transport.size()))
             .add(transport)
             .finish() == 0;
}

bool have_like_headers(ByteView a, ByteView b, const SegmentView& segment) noexcept {
  const std::size_t ip = net::ethernet_header_bytes;
  const bool is_like =
      are_equal(a, b, 0, ip) &&
      (segment.is_v4 ? are_equal(a, b, ip, ip + 2) && are_equal(a, b, ip + 6, ip + 10) &&
                           are_equal(a, b, ip + 12, ip + 20)
                     : are_equal(a, b, ip, ip + 4) && are_equal(a, b, ip + 6, ip + 40));
  const std::size_t transport = segment.transport_at;
  if (!is_like || !are_equal(a, b, transport, transport + 4)) {
    return false;
  }
  return !segment.is_tcp ||
         (are_equal(a, b, transport + 8, transport + tcp_flags_at) &&
          ((a[transport + tcp_flags_at] ^ b[transport + tcp_flags_at]) & ~tcp_push) ==
              std::byte{0} &&
          are_equal(a, b, transport + 14, transport + net::tcp_checksum_at) &&
          are_equal(a, b, transport + net::tcp_checksum_at + 2, segment.header_bytes));
}

bool is_pushed(ByteView frame, const SegmentView& segment) noexcept {
  return segment.is_tcp && (frame[segment.transport_at + tcp_flags_at] & tcp_push) != std::byte{0};
}

void write_joined_headers(std::byte* headers, const SegmentView& segment,
                          std::uint32_t payload_bytes, bool is_push) noexcept {
  const std::uint32_t total = segment.header_bytes + payload_bytes;
  const std::uint32_t transport_bytes = total - segment.transport_at;
  std::byte* const ip = headers + net::ethernet_header_bytes;
  std::byte* const transport = headers + segment.transport_at;
  if (segment.is_v4) {
    store_be(ip + 2, static_cast<std::uint16_t>(total - net::ethernet_header_bytes));
    store_be<std::uint16_t>(ip + 10, 0);
    store_be(ip + 10, net::internet_checksum({ip, net::ipv4_header_bytes}));
  } else {
    store_be(ip + 4, static_cast<std::uint16_t>(transport_bytes));
  }
  if (segment.is_tcp) {
    transport[tcp_flags_at] |= is_push ? tcp_push : std::byte{0};
  } else {
    store_be(transport + 4, static_cast<std::uint16_t>(transport_bytes));
  }
  store_be(transport + (segment.is_tcp ? net::tcp_checksum_at : net::udp_checksum_at),
           pseudo_header(headers, segment, transport_bytes).sum());
}

}  // namespace weft::bridge
