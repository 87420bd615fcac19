/// Reads what the kernel hands up.

#include "upcall.hpp"

#include <linux/genetlink.h>
#include <linux/openvswitch.h>

#include <weft/net/headers.hpp>
#include <weft/netlink/message.hpp>

#include "flow_codec.hpp"

namespace weft::odp {
namespace {

struct UpcallHeader {
  genlmsghdr generic;
  ovs_header datapath;
};

}  // namespace

std::optional<Upcall> parse_upcall(nlmsghdr& message, std::uint16_t packet_family) noexcept {
  const auto* const header = nl::extra_header<UpcallHeader>(message);
  if (message.nlmsg_type != packet_family || header == nullptr ||
      (header->generic.cmd != OVS_PACKET_CMD_MISS &&
       header->generic.cmd != OVS_PACKET_CMD_ACTION)) {
    return std::nullopt;
  }
  Upcall upcall{.is_miss = header->generic.cmd == OVS_PACKET_CMD_MISS};
  nl::AttributeReader attributes(message, sizeof(UpcallHeader));
  while (const auto attribute = attributes.next()) {
    if (attribute->type == OVS_PACKET_ATTR_PACKET) {
      upcall.frame = {const_cast<std::byte*>(attribute->value.data()), attribute->value.size()};
    } else if (attribute->type == OVS_PACKET_ATTR_KEY) {
      nl::AttributeReader keys(attribute->value);
      while (const auto key = keys.next()) {
        if (key->type == OVS_KEY_ATTR_IN_PORT) {
          upcall.in_port = key->number<std::uint32_t>().value_or(0);
        } else if (key->type == OVS_KEY_ATTR_TUNNEL) {
          upcall.tunnel = parse_tunnel(key->value);
        }
      }
    }
  }
  return upcall.frame.size() >= net::ethernet_header_bytes ? std::optional(upcall) : std::nullopt;
}

}  // namespace weft::odp
