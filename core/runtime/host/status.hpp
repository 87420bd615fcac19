#pragma once
/// The node as JSON text, for the control socket.

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <weft/export.hpp>
#include <weft/plugin.hpp>

#include "runtime/bus/bus_core.hpp"
#include "runtime/host/plugin_state.hpp"
#include "runtime/host/reload_plan.hpp"
#include "runtime/lanes/lane_worker.hpp"
#include "runtime/metrics/registry.hpp"

namespace weft::host {

/// What `status` answers besides the plugins.
struct NodeStatus {
  NodeInfo info;
  std::string state;  ///< "starting", "ready", "degraded", "stopping"
  std::chrono::seconds uptime{0};
  std::vector<std::string> warnings;  ///< what an operator should know, one sentence each
  Troubles troubles{};
};

[[nodiscard]] WEFT_EXPORT std::string status_json(const NodeStatus& node,
                                                  const std::vector<PluginStatus>& plugins,
                                                  TimePoint now);
[[nodiscard]] std::string plugins_json(const std::vector<PluginStatus>& plugins, TimePoint now);
[[nodiscard]] std::string topics_json(const std::vector<TopicStatistics>& topics);
[[nodiscard]] std::string reloaded_json(const Reloaded& reloaded,
                                        const std::vector<PluginStatus>& plugins, TimePoint now);
[[nodiscard]] std::string lanes_json(const std::vector<LaneStatistics>& lanes);
[[nodiscard]] std::string metrics_json(const std::vector<MetricReading>& metrics);

/// `text` as a JSON string.
[[nodiscard]] std::string text_json(const std::string& text);

}  // namespace weft::host
