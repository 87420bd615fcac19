#pragma once
/// Lengths, numbers and field positions of the headers that a frame begins with. Lengths are bytes,
/// of headers without options; positions count from the header's first byte; numbers are in host
/// order. Source: IEEE 802.1Q; RFC 791, 792, 768, 9293, 8200, 4443.

#include <cstdint>

namespace weft::net {

inline constexpr std::uint32_t ethernet_header_bytes = 14;  ///< untagged
inline constexpr std::uint32_t vlan_tag_bytes = 4;
inline constexpr std::uint32_t ipv4_header_bytes = 20;
inline constexpr std::uint32_t ipv6_header_bytes = 40;
inline constexpr std::uint32_t tcp_header_bytes = 20;
inline constexpr std::uint32_t udp_header_bytes = 8;
inline constexpr std::uint32_t icmp_header_bytes = 8;  ///< of ICMPv6 too

inline constexpr std::uint16_t ethertype_ipv4 = 0x0800;
inline constexpr std::uint16_t ethertype_vlan = 0x8100;
inline constexpr std::uint16_t ethertype_ipv6 = 0x86DD;
inline constexpr std::uint16_t ethertype_service_vlan = 0x88A8;

inline constexpr std::uint8_t protocol_icmp = 1;
inline constexpr std::uint8_t protocol_tcp = 6;
inline constexpr std::uint8_t protocol_udp = 17;
inline constexpr std::uint8_t protocol_icmpv6 = 58;

inline constexpr std::uint32_t tcp_checksum_at = 16;
inline constexpr std::uint32_t udp_checksum_at = 6;

}  // namespace weft::net
