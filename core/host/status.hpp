#pragma once
/// The node as JSON text, for the control socket.

#include <chrono>
#include <string>
#include <vector>

#include <weft/plugin.hpp>

#include "bus/bus_core.hpp"
#include "host/plugin_state.hpp"

namespace weft::host {

/// What `status` answers besides the plugins.
struct NodeStatus {
  NodeInfo info;
  std::string state;  ///< "starting", "ready", "degraded", "stopping"
  std::chrono::seconds uptime{0};
};

[[nodiscard]] std::string status_json(const NodeStatus& node,
                                      const std::vector<PluginStatus>& plugins);
[[nodiscard]] std::string plugins_json(const std::vector<PluginStatus>& plugins);
[[nodiscard]] std::string topics_json(const std::vector<TopicStatistics>& topics);
/// `text` as a JSON string.
[[nodiscard]] std::string text_json(const std::string& text);

}  // namespace weft::host
