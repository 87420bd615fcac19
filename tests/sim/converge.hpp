#pragma once
/// A cluster is born into a bad network, suffers, and must agree once left in peace.

#include <cstddef>
#include <cstdint>
#include <string>

#include "cluster.hpp"

namespace weft::sim {

struct Outcome {
  Violations violations;
  std::string summary;  ///< one line
  std::uint64_t digest = 0;
};

/// `nodes` nodes with random partial connectivity, delay, resets, silent cuts, restarts and a
/// partition that heals, while addresses are allocated and freed everywhere.
[[nodiscard]] Outcome converge(std::size_t nodes, std::uint64_t seed);

}  // namespace weft::sim
