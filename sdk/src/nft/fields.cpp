/// Knows the headers of Ethernet, ARP, IP, ICMPv6 and neighbour discovery.

#include "fields.hpp"

#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cstddef>

namespace weft::nft {
namespace {

// Source: nftables datatype.h, enum datatypes.
constexpr std::uint32_t type_integer = 4;
constexpr std::uint32_t type_ipv4_address = 7;
constexpr std::uint32_t type_ipv6_address = 8;
constexpr std::uint32_t type_ethernet_address = 9;
constexpr std::uint32_t type_ethernet_type = 10;
constexpr std::uint32_t type_internet_protocol = 12;
constexpr std::uint32_t type_internet_service = 13;
constexpr std::uint32_t type_icmp6_type = 29;
constexpr std::uint32_t type_interface_name = 41;

constexpr std::uint32_t ethernet_source_offset = 6;  // after the destination
// Source: RFC 826, for Ethernet and IPv4.
constexpr std::uint32_t arp_form_bytes = 6;  // ar$hrd, ar$pro, ar$hln, ar$pln
constexpr std::uint32_t arp_sender_mac_offset = 8;
constexpr std::uint32_t arp_sender_address_offset = 14;
constexpr std::uint32_t mac_bytes = 6;
constexpr std::uint32_t option_bytes = 2;  // kind and length; a link-layer address follows

Place link(std::uint32_t offset, std::uint32_t bytes, std::uint32_t type) {
  return {false, NFT_PAYLOAD_LL_HEADER, offset, bytes, type};
}
Place network(std::size_t offset, std::uint32_t bytes, std::uint32_t type) {
  return {false, NFT_PAYLOAD_NETWORK_HEADER, static_cast<std::uint32_t>(offset), bytes, type};
}
Place transport(std::size_t offset, std::uint32_t bytes, std::uint32_t type) {
  return {false, NFT_PAYLOAD_TRANSPORT_HEADER, static_cast<std::uint32_t>(offset), bytes, type};
}
Place known(std::uint32_t key, std::uint32_t bytes, std::uint32_t type) {
  return {true, key, 0, bytes, type};
}

}  // namespace

Place place_of(Field field) noexcept {
  switch (field) {
    case Field::source_address:
      return network(offsetof(iphdr, saddr), 4, type_ipv4_address);
    case Field::destination_address:
      return network(offsetof(iphdr, daddr), 4, type_ipv4_address);
    case Field::in_interface:
      return known(NFT_META_IIFNAME, IFNAMSIZ, type_interface_name);
    case Field::out_interface:
      return known(NFT_META_OIFNAME, IFNAMSIZ, type_interface_name);
    case Field::ether_type:
      return known(NFT_META_PROTOCOL, 2, type_ethernet_type);
    case Field::ip_protocol:
      return known(NFT_META_L4PROTO, 1, type_internet_protocol);
    case Field::ether_source:
      return link(ethernet_source_offset, mac_bytes, type_ethernet_address);
    case Field::arp_form:
      return network(0, arp_form_bytes, type_integer);
    case Field::arp_sender_mac:
      return network(arp_sender_mac_offset, mac_bytes, type_ethernet_address);
    case Field::arp_sender_address:
      return network(arp_sender_address_offset, 4, type_ipv4_address);
    case Field::ip6_source:
      return network(offsetof(ip6_hdr, ip6_src), 16, type_ipv6_address);
    case Field::ip6_source_prefix:
      return network(offsetof(ip6_hdr, ip6_src), 2, type_integer);
    case Field::ip6_destination:
      return network(offsetof(ip6_hdr, ip6_dst), 16, type_ipv6_address);
    case Field::ip6_payload_bytes:
      return network(offsetof(ip6_hdr, ip6_plen), 2, type_integer);
    case Field::icmp6_type:
      return transport(offsetof(icmp6_hdr, icmp6_type), 1, type_icmp6_type);
    case Field::neighbour_target:
      return transport(offsetof(nd_neighbor_advert, nd_na_target), 16, type_ipv6_address);
    case Field::neighbour_target_prefix:
      return transport(offsetof(nd_neighbor_advert, nd_na_target), 2, type_integer);
    case Field::neighbour_option:
      return transport(sizeof(nd_neighbor_advert), option_bytes, type_integer);
    case Field::neighbour_option_mac:
      return transport(sizeof(nd_neighbor_advert) + option_bytes, mac_bytes, type_ethernet_address);
    case Field::router_solicit_option:
      return transport(sizeof(nd_router_solicit), option_bytes, type_integer);
    case Field::router_solicit_option_mac:
      return transport(sizeof(nd_router_solicit) + option_bytes, mac_bytes, type_ethernet_address);
    case Field::udp_destination_port:
    case Field::destination_port:
      break;
  }
  return transport(offsetof(udphdr, uh_dport), 2, type_internet_service);
}

std::size_t bytes_of(Field field) noexcept {
  return place_of(field).bytes;
}

std::size_t padded_bytes_of(Field field) noexcept {
  return (bytes_of(field) + register_bytes - 1) / register_bytes * register_bytes;
}

Bytes key_of(std::initializer_list<ByteView> fields) {
  Bytes key;
  for (const ByteView field : fields) {
    key.insert(key.end(), field.begin(), field.end());
    key.resize((key.size() + register_bytes - 1) / register_bytes * register_bytes);
  }
  return key;
}

Bytes interface_field(std::string_view name) {
  Bytes field(IFNAMSIZ);
  std::ranges::copy(as_bytes(name.substr(0, IFNAMSIZ - 1)), field.begin());
  return field;
}

}  // namespace weft::nft
