#pragma once
/// The checks of the demonstration, one small function each.

#include <optional>
#include <span>
#include <string>

#include "cli/lab.hpp"

namespace weft::cli {

/// What a step must show and what it showed.
struct Check {
  bool ok = false;
  std::string expected;
  std::string observed;
};

/// A pod with everything the steps compare.
struct DemoPod {
  std::string name;
  std::string netns;
  std::string node;
  std::string ip;  ///< without prefix length
  std::string mac;
};

/// What the steps share. The pods are on the first three nodes.
struct DemoState {
  Lab& lab;
  DemoPod p1;
  DemoPod p2;
  DemoPod p3;
  double baseline_ms = 0;         ///< round trip p1 to p2 before anything is cut
  std::optional<Process> steady;  ///< a ping from p1 to p2, 50 a second

  [[nodiscard]] const LabNode& node(unsigned number) const { return lab.plan().nodes[number - 1]; }
};

struct DemoStep {
  const char* id;
  const char* title;
  Result<Check> (*run)(DemoState&);
};

/// Attaches the pods and learns their addresses.
[[nodiscard]] Result<> add_demo_pods(DemoState& state);

/// In the order they must run.
[[nodiscard]] std::span<const DemoStep> demo_steps();

/// "3 packets transmitted, 2 received, ...": what ping counted. Pure.
struct PingCounts {
  unsigned sent = 0;
  unsigned received = 0;
  double average_ms = 0;
};
[[nodiscard]] Result<PingCounts> parse_ping(const std::string& text);

}  // namespace weft::cli
