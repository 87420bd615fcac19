#pragma once
/// The rules that keep pods from the ports at which nodes reach each other, as values.

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/events/topology.hpp>
#include <weft/nft/table.hpp>

#include "common/attachment/guard_names.hpp"

namespace weft::bridge {

/// IPPROTO_TCP or IPPROTO_UDP, and the number.
using Port = std::pair<std::uint8_t, std::uint16_t>;

inline constexpr nft::TableName node_guard_name = cni::node_guard_table_name;
inline constexpr std::string_view node_guard_ports_set = "ports";

/// Where a drop is counted: the label of the metric, and the comment of the rules.
struct GuardedHook {
  std::string_view label;
  std::string_view comment;
};
inline constexpr GuardedHook guarded_hooks[] = {
    {"input", "a pod at this node's own ports"},
    {"forward", "a pod at other nodes' ports"},
};

/// What comes from pods and goes to one of `ports` is dropped when it is for this node, or leaves
/// it by anything but `bridge`: nobody knows all addresses of all nodes. From pods is what comes in
/// by `bridge`, or by a pod's port itself: a frame that a rule of bridges has routed. Both before
/// any translation of the source.
[[nodiscard]] nft::Table node_guard_table(const std::string& bridge, const std::set<Port>& ports);

/// From the elements of such a table; what is none is skipped.
[[nodiscard]] std::set<Port> ports_from(const std::vector<nft::Element>& elements);

/// The mesh's ports of the nodes that this one dialled and is connected to. Others' word is not
/// taken: who names a port could close it for pods.
[[nodiscard]] std::set<std::uint16_t> dialled_ports(const Topology& topology);

/// Whatever peers may expect beside a mesh at TCP `mesh`: sleeve at the same number, fastdp at the
/// next. Source: weaveworks/weave router/fastdp.go, PrepareConnection.
[[nodiscard]] std::set<Port> ports_beside(std::uint16_t mesh);

}  // namespace weft::bridge
