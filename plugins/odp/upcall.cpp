/// Reads misses and heartbeats.

#include "upcall.hpp"

#include <algorithm>

#include <linux/genetlink.h>
#include <linux/openvswitch.h>

#include <weft/netlink/message.hpp>

#include "flow_codec.hpp"

namespace weft::odp {
namespace {

struct UpcallHeader {
  genlmsghdr generic;
  ovs_header datapath;
};

constexpr std::size_t uid_at = ethernet_bytes;
constexpr std::size_t length_at = uid_at + sizeof(std::uint64_t);
constexpr std::size_t mtu_at = heartbeat_bytes;
constexpr std::size_t heard_at = mtu_at + sizeof(std::uint16_t);
constexpr std::size_t echo_end = heard_at + sizeof(std::uint16_t);

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
  return upcall.frame.size() >= ethernet_bytes ? std::optional(upcall) : std::nullopt;
}

std::optional<Heartbeat> parse_heartbeat(ByteView frame) noexcept {
  const auto is_zero = [](std::byte octet) { return octet == std::byte{0}; };
  if (frame.size() < heartbeat_bytes || !std::ranges::all_of(frame.first(12), is_zero)) {
    return std::nullopt;
  }
  Heartbeat heartbeat{load_be<std::uint64_t>(frame.data() + uid_at),
                      load_be<std::uint16_t>(frame.data() + length_at)};
  if (frame.size() >= echo_end) {
    heartbeat.echo = {load_be<std::uint16_t>(frame.data() + mtu_at),
                      load_be<std::uint16_t>(frame.data() + heard_at)};
  }
  return heartbeat;
}

Bytes make_heartbeat(const Heartbeat& heartbeat) {
  Bytes frame(heartbeat.frame_bytes);
  store_be(frame.data() + uid_at, heartbeat.uid);
  store_be(frame.data() + length_at, heartbeat.frame_bytes);
  if (heartbeat.echo != overlay::MtuEcho{}) {
    store_be(frame.data() + mtu_at, static_cast<std::uint16_t>(heartbeat.echo.mtu));
    store_be(frame.data() + heard_at, static_cast<std::uint16_t>(heartbeat.echo.heard));
  }
  return frame;
}

}  // namespace weft::odp
