#pragma once
/// What must hold of a cluster that was left in peace for long enough.

#include <cstddef>
#include <set>
#include <vector>

#include "cluster.hpp"

namespace weft::sim {

/// Every pair of nodes connected through `links` must reach each other hop by hop, without a loop
/// and over established connections; every broadcast must reach everybody exactly once.
[[nodiscard]] Violations check_routes(const Cluster& cluster);

/// All nodes know the same peers, versions and connections.
[[nodiscard]] Violations check_topologies(const Cluster& cluster);

/// All nodes hold the same ring, which covers the range, and nobody uses an address of another.
[[nodiscard]] Violations check_ring(Cluster& cluster);

/// All of the above.
[[nodiscard]] Violations check_all(Cluster& cluster);

}  // namespace weft::sim
