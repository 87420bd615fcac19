/// Names of tables and families.

#include <weft/nft/table.hpp>

#include <linux/netfilter.h>

namespace weft::nft {
std::uint8_t number_of(Family family) noexcept {
  switch (family) {
    case Family::ip6:
      return NFPROTO_IPV6;
    case Family::inet:
      return NFPROTO_INET;
    case Family::bridge:
      return NFPROTO_BRIDGE;
    case Family::arp:
      return NFPROTO_ARP;
    case Family::ip:
      break;
  }
  return NFPROTO_IPV4;
}

std::string_view to_string(Family family) noexcept {
  switch (family) {
    case Family::ip6:
      return "ip6";
    case Family::inet:
      return "inet";
    case Family::bridge:
      return "bridge";
    case Family::arp:
      return "arp";
    case Family::ip:
      break;
  }
  return "ip";
}

std::string to_string(const TableName& table) {
  return std::string(to_string(table.family)) + " " + std::string(table.name);
}

}  // namespace weft::nft
