/// Builds the guard's table, and reads ports from the topology.

#include "node_guard_table.hpp"

#include <netinet/in.h>  // before the kernel's headers

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

namespace weft::bridge {
namespace {

using nft::Chain;
using nft::Count;
using nft::Direction;
using nft::Field;
using nft::FieldsInSet;
using nft::Interface;
using nft::Jump;
using nft::Rule;
using nft::Statement;
using nft::Verdict;

// Before other programs' filters; the order does not matter, as no accept undoes a drop.
constexpr std::int32_t priority = NF_IP_PRI_FILTER - 10;
// How the names of pods' ports begin. Source: weaveworks/weave net/veth.go.
constexpr auto pod_ports = "vethwepl";

Rule jump(Interface from, const char* chain) {
  return {{std::move(from), Jump{chain}}, {}};
}

Chain base(const char* name, std::uint32_t hook, const std::string& bridge, const char* chain) {
  return {name,
          "filter",
          hook,
          priority,
          {jump({Direction::in, bridge}, chain),
           jump({Direction::in, pod_ports, false, /*is_prefix=*/true}, chain)}};
}

Rule drop(const GuardedHook& hook, std::vector<Statement> when) {
  const FieldsInSet is_guarded{{Field::ip_protocol, Field::destination_port},
                               std::string(node_guard_ports_set)};
  when.insert(when.begin(), is_guarded);
  when.insert(when.end(), {Count{}, Verdict::drop});
  return {std::move(when), std::string(hook.comment)};
}

Chain chain(const char* name, std::vector<Rule> rules) {
  return {name, {}, 0, 0, std::move(rules)};
}

}  // namespace

nft::Table node_guard_table(const std::string& bridge, const std::set<Port>& ports) {
  nft::Set port_set{std::string(node_guard_ports_set),
                    {Field::ip_protocol, Field::destination_port}};
  for (const auto& [protocol, number] : ports) {
    const std::uint16_t in_order = network_order(number);
    port_set.elements.push_back({nft::key_of(
        {std::as_bytes(std::span{&protocol, 1}), std::as_bytes(std::span{&in_order, 1})})});
  }
  const Interface elsewhere{Direction::out, bridge, /*is_negated=*/true};
  const std::string to_other_nodes(cni::node_guard_forward_chain);
  const auto& [own, others] = guarded_hooks;
  return {std::string(node_guard_name.name),
          {std::move(port_set)},
          {base("input", NF_INET_LOCAL_IN, bridge, "to_this_node"),
           base("forward", NF_INET_FORWARD, bridge, to_other_nodes.c_str()),
           chain("to_this_node", {drop(own, {})}),
           chain(to_other_nodes.c_str(), {drop(others, {elsewhere})})},
          node_guard_name.family};
}

std::set<Port> ports_from(const std::vector<nft::Element>& elements) {
  std::set<Port> ports;
  for (const nft::Element& element : elements) {
    if (element.first.size() == 8) {
      ports.emplace(std::to_integer<std::uint8_t>(element.first[0]),
                    load_be<std::uint16_t>(element.first.data() + 4));
    }
  }
  return ports;
}

std::set<std::uint16_t> dialled_ports(const Topology& topology) {
  std::set<std::uint16_t> ports;
  const Topology::Peer* const self = topology.find(topology.self);
  if (self == nullptr) {
    return ports;
  }
  for (const Topology::Connection& connection : self->connections) {
    const auto endpoint = net::parse_endpoint(connection.address);
    if (connection.outbound && connection.established && endpoint) {
      ports.insert(endpoint->port);
    }
  }
  return ports;
}

std::set<Port> ports_beside(std::uint16_t mesh) {
  std::set<Port> ports{{IPPROTO_TCP, mesh}, {IPPROTO_UDP, mesh}};
  if (mesh != UINT16_MAX) {
    ports.emplace(IPPROTO_UDP, mesh + 1);
  }
  return ports;
}

}  // namespace weft::bridge
