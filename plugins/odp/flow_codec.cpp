/// Writes and reads flow keys, masks and actions.

#include "flow_codec.hpp"

#include <algorithm>
#include <array>
#include <map>

#include <linux/openvswitch.h>

namespace weft::odp {
namespace {

constexpr std::uint8_t tunnel_ttl = 64;
constexpr std::size_t mac_pair_bytes = 12;
/// Kernels report the upper half of a port's mask in any case; only all of it means "matched".
constexpr std::uint32_t exact_port = 0xFFFFFFFF;

using MacOctets = std::array<std::byte, mac_pair_bytes>;

MacOctets octets_of(const MacPair& macs) {
  MacOctets octets;
  std::ranges::copy(macs.source.octets, octets.begin());
  std::ranges::copy(macs.destination.octets, octets.begin() + 6);
  return octets;
}

template <class T>
void put_be(nl::Message& message, std::uint16_t type, T value) {
  std::array<std::byte, sizeof(T)> octets;
  store_be(octets.data(), value);
  message.put(type, octets);
}

void put_tunnel_match(nl::Message& message, const Tunnel& tunnel, std::uint64_t id,
                      std::uint8_t ttl) {
  message.nest(OVS_KEY_ATTR_TUNNEL, [&] {
    put_be<std::uint64_t>(message, OVS_TUNNEL_KEY_ATTR_ID, id);
    put_be(message, OVS_TUNNEL_KEY_ATTR_IPV4_SRC, tunnel.source);
    put_be(message, OVS_TUNNEL_KEY_ATTR_IPV4_DST, tunnel.destination);
    message.put_number(OVS_TUNNEL_KEY_ATTR_TTL, ttl);  // has to be there, and is not matched
  });
}

/// What a value with this mask is matched by.
enum class Match : std::uint8_t { exact, ignored, partial };

Match judge(ByteView mask) {
  const auto is = [mask](std::byte octet) {
    return std::ranges::all_of(mask, [octet](std::byte each) { return each == octet; });
  };
  return is(std::byte{0xFF}) ? Match::exact : is(std::byte{0}) ? Match::ignored : Match::partial;
}

std::map<std::uint16_t, ByteView> by_type(ByteView attributes) {
  std::map<std::uint16_t, ByteView> found;
  nl::AttributeReader reader(attributes);
  while (const auto attribute = reader.next()) {
    found[attribute->type] = attribute->value;
  }
  return found;
}

bool is_exact(const std::map<std::uint16_t, ByteView>& masks, std::uint16_t type) {
  const auto mask = masks.find(type);
  return mask != masks.end() && judge(mask->second) == Match::exact;
}

void parse_tunnel_match(KernelFlow& flow, ByteView value, ByteView mask) {
  flow.key.tunnel = parse_tunnel(value);
  const auto masks = by_type(mask);
  flow.is_plain = flow.is_plain && flow.key.tunnel && is_exact(masks, OVS_TUNNEL_KEY_ATTR_ID) &&
                  is_exact(masks, OVS_TUNNEL_KEY_ATTR_IPV4_SRC) &&
                  is_exact(masks, OVS_TUNNEL_KEY_ATTR_IPV4_DST);
}

/// What weft never matches by: kept for reports when the report lists it.
void parse_foreign(KernelFlow& flow, std::uint16_t type, ByteView value, ByteView mask) {
  const bool is_ignored = judge(mask) == Match::ignored;
  flow.is_plain = flow.is_plain && (is_ignored || type == OVS_KEY_ATTR_RECIRC_ID);
  // Weave Net's library knows the keys before these, and lists those that it does not know.
  if (type >= OVS_KEY_ATTR_CT_STATE || !is_ignored) {
    if (type != OVS_KEY_ATTR_RECIRC_ID) {
      flow.foreign.push_back(
          {type, Bytes(value.begin(), value.end()), Bytes(mask.begin(), mask.end())});
    }
  }
}

void parse_key(KernelFlow& flow, ByteView key, ByteView mask) {
  const auto masks = by_type(mask);
  nl::AttributeReader reader(key);
  while (const auto attribute = reader.next()) {
    const auto found = masks.find(attribute->type);
    const Bytes zeros(attribute->value.size());
    const ByteView own_mask = found != masks.end() ? found->second : ByteView(zeros);
    switch (attribute->type) {
      case OVS_KEY_ATTR_IN_PORT:
        flow.key.in_port = attribute->number<std::uint32_t>().value_or(0);
        flow.is_plain =
            flow.is_plain && nl::Attribute{0, own_mask}.number<std::uint32_t>() == exact_port;
        break;
      case OVS_KEY_ATTR_ETHERNET:
        if (judge(own_mask) == Match::exact && attribute->value.size() == mac_pair_bytes) {
          flow.key.macs = MacPair{net::Mac::load(attribute->value.data()),
                                  net::Mac::load(attribute->value.data() + 6)};
        } else {
          flow.is_plain = flow.is_plain && judge(own_mask) == Match::ignored;
        }
        break;
      case OVS_KEY_ATTR_TUNNEL:
        parse_tunnel_match(flow, attribute->value, own_mask);
        break;
      default:
        parse_foreign(flow, attribute->type, attribute->value, own_mask);
    }
  }
}

/// Linux 4.3 leaves out the level OVS_KEY_ATTR_TUNNEL. Recognised as Weave Net does.
std::optional<Tunnel> parse_set(ByteView value) {
  const auto attributes = by_type(value);
  const auto tunnel = attributes.find(OVS_KEY_ATTR_TUNNEL);
  const auto address = attributes.find(OVS_TUNNEL_KEY_ATTR_IPV4_DST);
  if (address != attributes.end() && address->second.size() == sizeof(std::uint32_t)) {
    return parse_tunnel(value);
  }
  return tunnel != attributes.end() ? parse_tunnel(tunnel->second) : std::nullopt;
}

void parse_actions(KernelFlow& flow, ByteView attributes);

/// Only what put_actions writes is plain: longer frames go up, and nothing else happens to them.
void parse_length_check(KernelFlow& flow, ByteView value) {
  const auto parts = by_type(value);
  const auto part = [&parts](std::uint16_t type) {
    const auto found = parts.find(type);
    return found != parts.end() ? found->second : ByteView{};
  };
  const auto longer = by_type(part(OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_GREATER));
  const auto up = longer.find(OVS_ACTION_ATTR_USERSPACE);
  const auto max = nl::Attribute{0, part(OVS_CHECK_PKT_LEN_ATTR_PKT_LEN)}.number<std::uint16_t>();
  if (!flow.actions.empty() || !max || longer.size() != 1 || up == longer.end()) {
    flow.is_plain = false;
    return;
  }
  const auto details = by_type(up->second);
  const auto port = details.find(OVS_USERSPACE_ATTR_PID);
  flow.is_plain = flow.is_plain && details.size() == 1 && port != details.end();
  flow.actions.push_back(
      CheckLength{*max, port != details.end()
                            ? nl::Attribute{0, port->second}.number<std::uint32_t>().value_or(0)
                            : 0});
  parse_actions(flow, part(OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_LESS_EQUAL));
}

void parse_actions(KernelFlow& flow, ByteView attributes) {
  nl::AttributeReader reader(attributes);
  while (const auto attribute = reader.next()) {
    if (attribute->type == OVS_ACTION_ATTR_OUTPUT) {
      flow.actions.push_back(Output{attribute->number<std::uint32_t>().value_or(0)});
    } else if (attribute->type == OVS_ACTION_ATTR_CHECK_PKT_LEN) {
      parse_length_check(flow, attribute->value);
    } else if (const auto tunnel = attribute->type == OVS_ACTION_ATTR_SET
                                       ? parse_set(attribute->value)
                                       : std::nullopt) {
      flow.actions.push_back(SetTunnel{*tunnel});
    } else {
      flow.is_plain = false;
    }
  }
}

void put_set_tunnel(nl::Message& message, const Tunnel& tunnel) {
  message.nest(OVS_ACTION_ATTR_SET, [&] {
    message.nest(OVS_KEY_ATTR_TUNNEL, [&] {
      put_be<std::uint64_t>(message, OVS_TUNNEL_KEY_ATTR_ID, tunnel.id);
      put_be(message, OVS_TUNNEL_KEY_ATTR_IPV4_SRC, tunnel.source);
      put_be(message, OVS_TUNNEL_KEY_ATTR_IPV4_DST, tunnel.destination);
      message.put_number(OVS_TUNNEL_KEY_ATTR_TOS, std::uint8_t{0});
      message.put_number(OVS_TUNNEL_KEY_ATTR_TTL, tunnel_ttl);
      message.put(OVS_TUNNEL_KEY_ATTR_DONT_FRAGMENT, {});
    });
  });
}

void put_each(nl::Message& message, std::uint16_t type, std::span<const Action> actions);

void put_length_check(nl::Message& message, const CheckLength& check,
                      std::span<const Action> others) {
  message.nest(OVS_ACTION_ATTR_CHECK_PKT_LEN, [&] {
    message.put_number(OVS_CHECK_PKT_LEN_ATTR_PKT_LEN, check.max_bytes);
    message.nest(OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_GREATER, [&] {
      message.nest(OVS_ACTION_ATTR_USERSPACE,
                   [&] { message.put_number(OVS_USERSPACE_ATTR_PID, check.upcall_port); });
    });
    put_each(message, OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_LESS_EQUAL, others);
  });
}

void put_each(nl::Message& message, std::uint16_t type, std::span<const Action> actions) {
  message.nest(type, [&] {
    for (const Action& action : actions) {
      if (const auto* const output = std::get_if<Output>(&action)) {
        message.put_number(OVS_ACTION_ATTR_OUTPUT, output->port);
      } else if (const auto* const set = std::get_if<SetTunnel>(&action)) {
        put_set_tunnel(message, set->tunnel);
      } else {
        put_length_check(message, std::get<CheckLength>(action), actions.subspan(1));
        return;
      }
    }
  });
}

}  // namespace

void put_key(nl::Message& message, const FlowKey& key) {
  const MacPair macs = key.macs.value_or(MacPair{});
  MacOctets mac_mask{};
  mac_mask.fill(key.macs ? std::byte{0xFF} : std::byte{0});
  message.nest(OVS_FLOW_ATTR_KEY, [&] {
    if (key.tunnel) {
      put_tunnel_match(message, *key.tunnel, key.tunnel->id, 0);
    }
    message.put(OVS_KEY_ATTR_ETHERNET, octets_of(macs));
    message.put_number(OVS_KEY_ATTR_IN_PORT, key.in_port);
  });
  message.nest(OVS_FLOW_ATTR_MASK, [&] {
    if (key.tunnel) {
      put_tunnel_match(message, {0, UINT32_MAX, UINT32_MAX}, UINT64_MAX, 0);
    }
    message.put(OVS_KEY_ATTR_ETHERNET, mac_mask);
    message.put_number(OVS_KEY_ATTR_IN_PORT, exact_port);
  });
}

void put_actions(nl::Message& message, std::uint16_t type, const Actions& actions) {
  put_each(message, type, actions);
}

KernelFlow parse_flow(nl::AttributeReader attributes) {
  KernelFlow flow;
  ByteView key;
  ByteView mask;
  while (const auto attribute = attributes.next()) {
    switch (attribute->type) {
      case OVS_FLOW_ATTR_KEY:
        key = attribute->value;
        break;
      case OVS_FLOW_ATTR_MASK:
        mask = attribute->value;
        break;
      case OVS_FLOW_ATTR_ACTIONS:
        parse_actions(flow, attribute->value);
        break;
      case OVS_FLOW_ATTR_STATS:
        if (attribute->value.size() == sizeof(ovs_flow_stats)) {
          ovs_flow_stats stats;
          std::memcpy(&stats, attribute->value.data(), sizeof stats);
          flow.packets = stats.n_packets;
          flow.bytes = stats.n_bytes;
        }
        break;
      case OVS_FLOW_ATTR_USED:
        flow.used_ms = attribute->number<std::uint64_t>().value_or(0);
        break;
      default:
        break;
    }
  }
  parse_key(flow, key, mask);
  return flow;
}

std::optional<Tunnel> parse_tunnel(ByteView attributes) noexcept {
  Tunnel tunnel;
  bool has_destination = false;
  nl::AttributeReader reader(attributes);
  while (const auto attribute = reader.next()) {
    const std::byte* const octets = attribute->value.data();
    if (attribute->type == OVS_TUNNEL_KEY_ATTR_ID && attribute->value.size() == 8) {
      tunnel.id = static_cast<std::uint32_t>(load_be<std::uint64_t>(octets));
    } else if (attribute->type == OVS_TUNNEL_KEY_ATTR_IPV4_SRC && attribute->value.size() == 4) {
      tunnel.source = load_be<std::uint32_t>(octets);
    } else if (attribute->type == OVS_TUNNEL_KEY_ATTR_IPV4_DST && attribute->value.size() == 4) {
      tunnel.destination = load_be<std::uint32_t>(octets);
      has_destination = true;
    }
  }
  return has_destination ? std::optional(tunnel) : std::nullopt;
}

}  // namespace weft::odp
