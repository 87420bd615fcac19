#pragma once
/// Steps C: the path of a packet from p1 on node1 to p3 on node3. Source of what the steps over
/// the fast path must show: Weave Net 2.8.1 with its fast datapath.

#include "steps.hpp"

namespace weft::lab {

[[nodiscard]] Result<Check> route_get(DemoState& state);
[[nodiscard]] Result<Check> neighbour(DemoState& state);
/// Whatever the overlay's port on the bridge is called.
[[nodiscard]] Result<Check> remote_mac(DemoState& state);
[[nodiscard]] Result<Check> local_mac(DemoState& state);
[[nodiscard]] Result<Check> pod_link(DemoState& state);

// Over the fast path alone.
[[nodiscard]] Result<Check> remote_mac_behind_datapath(DemoState& state);
[[nodiscard]] Result<Check> datapath_links(DemoState& state);
[[nodiscard]] Result<Check> sending_flow(DemoState& state);
[[nodiscard]] Result<Check> tunnel_port(DemoState& state);
[[nodiscard]] Result<Check> receiving_flow(DemoState& state);
[[nodiscard]] Result<Check> bridge_port(DemoState& state);

}  // namespace weft::lab
