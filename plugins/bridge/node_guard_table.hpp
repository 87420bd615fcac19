#pragma once
/// The rules that keep pods from the ports at which nodes reach each other, as values.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/events/topology.hpp>
#include <weft/net/ip.hpp>

#include "common/nft/table.hpp"

namespace weft::bridge {

/// IPPROTO_TCP or IPPROTO_UDP, and the number.
using Port = std::pair<std::uint8_t, std::uint16_t>;

inline constexpr nft::TableName node_guard_name{"weft-nodes", nft::Family::inet};
inline constexpr std::string_view node_guard_ports_set = "ports";
inline constexpr std::string_view node_guard_ipv4_set = "nodes4";
inline constexpr std::string_view node_guard_ipv6_set = "nodes6";

/// Where a drop is counted: the label of the metric, and the comment of the rules.
struct GuardedHook {
  std::string_view label;
  std::string_view comment;
};
inline constexpr GuardedHook guarded_hooks[] = {
    {"input", "a pod at this node's own ports"},
    {"forward", "a pod at another node's ports"},
};

/// What comes from pods and goes to one of `ports` is dropped when it is for this node, whatever
/// address, or for one of `nodes`. From pods is what comes in by `bridge`, or by a pod's port
/// itself: a frame that a rule of bridges has routed. Both before any translation of the source.
[[nodiscard]] nft::Table node_guard_table(const std::string& bridge, const std::set<Port>& ports,
                                          const std::set<net::IpAddress>& nodes);

/// From the elements of such a table; what is none is skipped.
[[nodiscard]] std::set<Port> ports_from(const std::vector<Bytes>& elements);
[[nodiscard]] std::set<net::IpAddress> nodes_from(const std::vector<Bytes>& elements);

/// Peers of this node may be anybody, so that they do not say how large the table gets.
inline constexpr std::size_t max_guarded_nodes = 4096;

/// The addresses at which nodes are known to each other, this node's own connections first, at most
/// `limit`; and whether there were more.
struct NodeAddresses {
  std::set<net::IpAddress> addresses;
  bool is_cut = false;
};
[[nodiscard]] NodeAddresses addresses_of_nodes(const Topology& topology,
                                               std::size_t limit = max_guarded_nodes);

/// The mesh's ports of the nodes that this one dialled and is connected to. Others' word is not
/// taken: who names a port could close it for pods.
[[nodiscard]] std::set<std::uint16_t> dialled_ports(const Topology& topology);

/// Whatever peers may expect beside a mesh at TCP `mesh`: sleeve at the same number, fastdp at the
/// next. Source: weaveworks/weave router/fastdp.go, PrepareConnection.
[[nodiscard]] std::set<Port> ports_beside(std::uint16_t mesh);

}  // namespace weft::bridge
