#pragma once
/// The checks of the demonstration, one small function each.

#include <chrono>
#include <optional>
#include <span>
#include <string>

#include "lab.hpp"

namespace weft::lab {

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
  bool is_fast = false;                          ///< the fast path carries every connection
  double baseline_ms = 0;                        ///< round trip p1 to p2 before anything is cut
  std::chrono::steady_clock::time_point cut_at;  ///< when node1 could no longer send to node2
  std::optional<Process> steady;                 ///< a ping from p1 to p2, 50 a second

  [[nodiscard]] const LabNode& node(unsigned number) const { return lab.plan().nodes[number - 1]; }
};

struct DemoStep {
  const char* id;
  const char* title;
  Result<Check> (*run)(DemoState&);
  enum class When {
    always,
    with_fast_path,  ///< the nodes have the plugin odp
    on_fast_path,    ///< and it carries every connection
    on_other,        ///< it does not
  } when = When::always;
};

/// Attaches the pods and learns their addresses.
[[nodiscard]] Result<> add_demo_pods(DemoState& state);

/// In the order they must run.
[[nodiscard]] std::span<const DemoStep> demo_steps();
/// Whether the step says something about this lab, by what earlier steps found.
[[nodiscard]] bool applies(const DemoStep& step, const DemoState& state);

/// "3 packets transmitted, 2 received, ...": what ping counted. Pure.
struct PingCounts {
  unsigned sent = 0;
  unsigned received = 0;
  double average_ms = 0;
  double shortest_ms = 0;
};
[[nodiscard]] Result<PingCounts> parse_ping(const std::string& text);

}  // namespace weft::lab
