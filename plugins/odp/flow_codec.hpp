#pragma once
/// Flows as attributes of generic netlink messages. Source: Linux net/openvswitch/flow_netlink.c.

#include <weft/netlink/message.hpp>

#include "flow.hpp"

namespace weft::odp {

/// Appends the attributes OVS_FLOW_ATTR_KEY and _MASK.
void put_key(nl::Message& message, const FlowKey& key);
/// Appends `actions` as the attribute `type` (OVS_FLOW_ATTR_ACTIONS, OVS_PACKET_ATTR_ACTIONS).
void put_actions(nl::Message& message, std::uint16_t type, const Actions& actions);

/// A flow of a dump, from the attributes after the protocol header.
[[nodiscard]] KernelFlow parse_flow(nl::AttributeReader attributes);

/// The tunnel of an OVS_KEY_ATTR_TUNNEL; empty when it is not over IPv4.
[[nodiscard]] std::optional<Tunnel> parse_tunnel(ByteView attributes) noexcept;

}  // namespace weft::odp
