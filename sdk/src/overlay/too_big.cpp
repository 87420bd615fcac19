/// Builds ICMP and ICMPv6 errors about packets that exceed the path MTU.
#include <weft/overlay/too_big.hpp>

#include <algorithm>

#include <weft/net/checksum.hpp>
#include <weft/net/headers.hpp>

#include <weft/overlay/packet.hpp>

namespace weft::overlay {
namespace {

constexpr std::byte time_to_live{64};

/// The Ethernet header of an answer: MACs swapped, same type.
void answer_ethernet(ByteView frame, std::byte* out) noexcept {
  std::copy_n(frame.data() + 6, 6, out);
  std::copy_n(frame.data(), 6, out + 6);
  std::copy_n(frame.data() + 12, 2, out + 12);
}

std::size_t report_ipv4(ByteView frame, const Ipv4Packet& packet, std::uint32_t mtu,
                        std::byte* out) noexcept {
  const ByteView original = frame.subspan(net::ethernet_header_bytes, packet.total_bytes);
  const std::size_t quoted = std::min(original.size(), packet.header_bytes + 8);
  const std::size_t total = net::ipv4_header_bytes + net::icmp_header_bytes + quoted;
  answer_ethernet(frame, out);

  std::byte* const ip = out + net::ethernet_header_bytes;
  std::fill_n(ip, net::ipv4_header_bytes + net::icmp_header_bytes, std::byte{0});
  ip[0] = std::byte{0x45};
  ip[1] = original[1];  // type of service
  store_be(ip + 2, static_cast<std::uint16_t>(total));
  ip[8] = time_to_live;
  ip[9] = std::byte{1};  // ICMP
  std::copy_n(original.data() + 16, 4, ip + 12);
  std::copy_n(original.data() + 12, 4, ip + 16);
  store_be(ip + 10, net::internet_checksum({ip, net::ipv4_header_bytes}));

  std::byte* const icmp = ip + net::ipv4_header_bytes;
  icmp[0] = std::byte{3};  // destination unreachable
  icmp[1] = std::byte{4};  // fragmentation needed and DF set
  store_be(icmp + 6, static_cast<std::uint16_t>(mtu));
  std::copy_n(original.data(), quoted, icmp + net::icmp_header_bytes);
  store_be(icmp + 2, net::internet_checksum({icmp, net::icmp_header_bytes + quoted}));
  return net::ethernet_header_bytes + total;
}

std::size_t report_ipv6(ByteView frame, std::uint32_t mtu, std::byte* out) noexcept {
  const ByteView original = frame.subspan(net::ethernet_header_bytes);
  const std::size_t quoted = std::min<std::size_t>(
      original.size(), ipv6_minimum_mtu - net::ipv6_header_bytes - net::icmp_header_bytes);
  const std::size_t payload = net::icmp_header_bytes + quoted;
  answer_ethernet(frame, out);

  std::byte* const ip = out + net::ethernet_header_bytes;
  std::fill_n(ip, net::ipv6_header_bytes + net::icmp_header_bytes, std::byte{0});
  ip[0] = std::byte{0x60};
  store_be(ip + 4, static_cast<std::uint16_t>(payload));
  ip[6] = std::byte{58};  // ICMPv6
  ip[7] = time_to_live;
  std::copy_n(original.data() + 24, 16, ip + 8);
  std::copy_n(original.data() + 8, 16, ip + 24);

  std::byte* const icmp = ip + net::ipv6_header_bytes;
  icmp[0] = std::byte{2};  // packet too big
  store_be(icmp + 4, std::max(mtu, ipv6_minimum_mtu));
  std::copy_n(original.data(), quoted, icmp + net::icmp_header_bytes);
  // RFC 8200 section 8.1: the pseudo-header is both addresses, the length and the protocol.
  net::InternetChecksum sum;
  sum.add({ip + 8, 32}).add(static_cast<std::uint16_t>(payload)).add(58);
  store_be(icmp + 2, sum.add({icmp, payload}).finish());
  return net::ethernet_header_bytes + net::ipv6_header_bytes + payload;
}

}  // namespace

std::size_t write_too_big_report(ByteView frame, std::uint32_t mtu,
                                 std::span<std::byte> out) noexcept {
  if (const auto packet = parse_ipv4(frame)) {
    return report_ipv4(frame, *packet, mtu, out.data());
  }
  return is_ipv6(frame) ? report_ipv6(frame, mtu, out.data()) : 0;
}

}  // namespace weft::overlay
