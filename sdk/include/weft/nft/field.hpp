#pragma once
/// What nftables can look at in a packet, and the keys of sets that it makes of it.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include <weft/bytes.hpp>

namespace weft::nft {

/// A part of a packet's headers, or what the kernel knows of the packet. A rule whose packet is too
/// short for a field does not match.
enum class Field : std::uint8_t {
  source_address,            ///< ip saddr
  destination_address,       ///< ip daddr
  udp_destination_port,      ///< udp dport; only after `Protocol`
  in_interface,              ///< iifname: of a frame on a bridge, the port it came by
  out_interface,             ///< oifname
  ether_type,                ///< meta protocol: behind a first VLAN tag
  ip_protocol,               ///< meta l4proto: behind extension headers
  destination_port,          ///< th dport: of TCP, UDP and others that have it there
  ether_source,              ///< ether saddr
  arp_form,                  ///< the kinds and lengths of an ARP packet's addresses
  arp_sender_mac,            ///< arp saddr ether
  arp_sender_address,        ///< arp saddr ip
  ip6_source,                ///< ip6 saddr
  ip6_source_prefix,         ///< its first 16 bits
  ip6_destination,           ///< ip6 daddr
  ip6_payload_bytes,         ///< ip6 length
  icmp6_type,                ///< icmpv6 type
  neighbour_target,          ///< of a neighbour solicitation or advertisement
  neighbour_target_prefix,   ///< its first 16 bits
  neighbour_option,          ///< kind and length of its first option
  neighbour_option_mac,      ///< the MAC in that
  router_solicit_option,     ///< kind and length of a router solicitation's first option
  router_solicit_option_mac  ///< the MAC in that
};

/// How many octets a field has, without the padding it gets in a set.
[[nodiscard]] std::size_t bytes_of(Field field) noexcept;

/// A key of a set: the fields in network order, each padded with zeros to a multiple of four
/// octets.
[[nodiscard]] Bytes key_of(std::initializer_list<ByteView> fields);
/// An interface's name as `Field::in_interface` and `Field::out_interface` have it.
[[nodiscard]] Bytes interface_field(std::string_view name);

}  // namespace weft::nft
