/// Lays out EXECUTE messages around frames that stay where they are.

#include "packet_sender.hpp"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/openvswitch.h>

#include <cstring>

namespace weft::odp {
namespace {

constexpr std::size_t parts = 3;  // header, frame, trailer

/// Before the frame.
struct Head {
  nlmsghdr message;
  genlmsghdr generic;
  ovs_header datapath;
  nlattr packet;
};
static_assert(sizeof(Head) == 28);

/// After the frame and its padding: an empty key, and the actions. Attributes are 4-byte aligned,
/// numbers in the header of each are its length and type.
/// Source: Linux net/openvswitch/datapath.c, ovs_packet_cmd_execute.
struct Tail {
  nlattr key;
  nlattr actions;
  nlattr set;
  nlattr tunnel;
  nlattr id;
  std::array<std::byte, 8> id_value;
  nlattr source;
  std::array<std::byte, 4> source_value;
  nlattr destination;
  std::array<std::byte, 4> destination_value;
  nlattr ttl;
  std::array<std::byte, 4> ttl_value;  // one octet and padding
  nlattr dont_fragment;
  nlattr output;
  std::uint32_t output_value;
};

constexpr std::uint16_t length_between(std::size_t from, std::size_t to) {
  return static_cast<std::uint16_t>(to - from);
}

constexpr std::array<std::byte, 4> zeros{};

void fill(Tail& tail, const TunnelOutput& output) noexcept {
  const auto tunnel_end = offsetof(Tail, output);
  tail.key = {NLA_HDRLEN, OVS_PACKET_ATTR_KEY};
  tail.actions = {length_between(offsetof(Tail, actions), sizeof(Tail)), OVS_PACKET_ATTR_ACTIONS};
  tail.set = {length_between(offsetof(Tail, set), tunnel_end), OVS_ACTION_ATTR_SET};
  tail.tunnel = {length_between(offsetof(Tail, tunnel), tunnel_end), OVS_KEY_ATTR_TUNNEL};
  tail.id = {NLA_HDRLEN + 8, OVS_TUNNEL_KEY_ATTR_ID};
  store_be<std::uint64_t>(tail.id_value.data(), output.tunnel.id);
  tail.source = {NLA_HDRLEN + 4, OVS_TUNNEL_KEY_ATTR_IPV4_SRC};
  store_be(tail.source_value.data(), output.tunnel.source);
  tail.destination = {NLA_HDRLEN + 4, OVS_TUNNEL_KEY_ATTR_IPV4_DST};
  store_be(tail.destination_value.data(), output.tunnel.destination);
  tail.ttl = {NLA_HDRLEN + 1, OVS_TUNNEL_KEY_ATTR_TTL};
  tail.ttl_value = {std::byte{64}};
  tail.dont_fragment = {NLA_HDRLEN, OVS_TUNNEL_KEY_ATTR_DONT_FRAGMENT};
  tail.output = {NLA_HDRLEN + 4, OVS_ACTION_ATTR_OUTPUT};
  tail.output_value = output.port;
}

}  // namespace

struct PacketSender::Messages {
  std::array<Head, max_staged> heads;
  std::array<std::array<std::byte, 4 + sizeof(Tail)>, max_staged> tails;  // padding first
  std::array<iovec, max_staged * parts> vectors;
};

PacketSender::PacketSender(std::uint16_t packet_family, const NetlinkPort& port)
    : family_(packet_family), port_(port), messages_(std::make_unique<Messages>()) {}

PacketSender::~PacketSender() = default;

bool PacketSender::stage(int datapath, ByteView frame, const TunnelOutput& output) noexcept {
  if (count_ == max_staged) {
    return false;
  }
  const std::size_t padding = NLA_ALIGN(frame.size()) - frame.size();
  const std::size_t length = sizeof(Head) + frame.size() + padding + sizeof(Tail);
  Head& head = messages_->heads[count_];
  head = {};
  head.message.nlmsg_len = static_cast<std::uint32_t>(length);
  head.message.nlmsg_type = family_;
  head.message.nlmsg_flags = NLM_F_REQUEST;
  head.generic.cmd = OVS_PACKET_CMD_EXECUTE;
  head.generic.version = OVS_PACKET_VERSION;
  head.datapath.dp_ifindex = datapath;
  head.packet = {static_cast<std::uint16_t>(NLA_HDRLEN + frame.size()), OVS_PACKET_ATTR_PACKET};

  Tail tail;
  fill(tail, output);
  std::byte* const after_frame = messages_->tails[count_].data();
  std::memcpy(after_frame, zeros.data(), padding);
  std::memcpy(after_frame + padding, &tail, sizeof tail);

  iovec* const vectors = &messages_->vectors[count_ * parts];
  vectors[0] = {&head, sizeof head};
  vectors[1] = {const_cast<std::byte*>(frame.data()), frame.size()};
  vectors[2] = {after_frame, padding + sizeof tail};
  ++count_;
  return true;
}

std::size_t PacketSender::flush() noexcept {
  if (count_ == 0) {
    return 0;
  }
  const std::size_t count = std::exchange(count_, 0);
  return port_.send({messages_->vectors.data(), count * parts}) ? 0 : count;
}

}  // namespace weft::odp
