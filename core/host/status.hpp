#pragma once
/// The node as JSON text, for the control socket.

#include <chrono>
#include <string>
#include <vector>

#include <weft/plugin.hpp>

#include "bus/bus_core.hpp"
#include "host/plugin_state.hpp"
#include "host/reload_plan.hpp"

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
[[nodiscard]] std::string reloaded_json(const Reloaded& reloaded,
                                        const std::vector<PluginStatus>& plugins);
/// The plugins that a `reload` command names. Errors: Errc::invalid, naming the field.
[[nodiscard]] Result<std::set<std::string>> parse_reload_params(const std::string& params);
/// `text` as a JSON string.
[[nodiscard]] std::string text_json(const std::string& text);

}  // namespace weft::host
