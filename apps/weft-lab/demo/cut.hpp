#pragma once
/// Steps E: node1 can no longer send to node2, another node relays, the direct way comes back.

#include "steps.hpp"

namespace weft::lab {

[[nodiscard]] Result<Check> baseline(DemoState& state);
[[nodiscard]] Result<Check> cut_one_way(DemoState& state);
[[nodiscard]] Result<Check> reconvergence(DemoState& state);
[[nodiscard]] Result<Check> dropped_packets(DemoState& state);
[[nodiscard]] Result<Check> relayed_status(DemoState& state);
[[nodiscard]] Result<Check> healing(DemoState& state);

// Over the fast path alone.
[[nodiscard]] Result<Check> fast_baseline(DemoState& state);
[[nodiscard]] Result<Check> fast_reconvergence(DemoState& state);
[[nodiscard]] Result<Check> relayed_packets(DemoState& state);
[[nodiscard]] Result<Check> relaying_flow(DemoState& state);

}  // namespace weft::lab
