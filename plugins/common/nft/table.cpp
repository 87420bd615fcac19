/// What every user of tables needs of names, fields and elements.

#include "table.hpp"

#include <linux/netfilter.h>
#include <net/if.h>

#include <algorithm>

#include "fields.hpp"

namespace weft::nft {
namespace {

constexpr std::size_t register_bytes = 4;

}  // namespace

std::uint8_t number_of(Family family) noexcept {
  switch (family) {
    case Family::inet:
      return NFPROTO_INET;
    case Family::bridge:
      return NFPROTO_BRIDGE;
    case Family::ip:
      break;
  }
  return NFPROTO_IPV4;
}

std::string_view to_string(Family family) noexcept {
  switch (family) {
    case Family::inet:
      return "inet";
    case Family::bridge:
      return "bridge";
    case Family::ip:
      break;
  }
  return "ip";
}

std::string to_string(const TableName& table) {
  return std::string(to_string(table.family)) + " " + std::string(table.name);
}

std::size_t bytes_of(Field field) noexcept {
  return place_of(field).bytes;
}

Bytes element_of(std::initializer_list<ByteView> fields) {
  Bytes element;
  for (const ByteView field : fields) {
    element.insert(element.end(), field.begin(), field.end());
    element.resize((element.size() + register_bytes - 1) / register_bytes * register_bytes);
  }
  return element;
}

Bytes interface_field(std::string_view name) {
  Bytes field(IFNAMSIZ);
  std::ranges::copy(as_bytes(name.substr(0, IFNAMSIZ - 1)), field.begin());
  return field;
}

}  // namespace weft::nft
