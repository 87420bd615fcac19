#pragma once
/// `weft lab demo`: brings a lab up and checks that the cluster does what it must, step by step.

#include <string>

#include "plan.hpp"

namespace weft::lab {

struct DemoOptions {
  LabOptions lab;
  std::string report;  ///< file for the results as JSON; empty: none
  bool keep = false;   ///< leave the lab up afterwards
};

/// Prints every step with what was observed beside what it must be. Exit code 0 only if all held.
[[nodiscard]] int run_demo(const DemoOptions& options);

}  // namespace weft::lab
