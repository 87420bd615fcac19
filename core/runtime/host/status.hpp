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
/// The plugins that a `reload` command names. Errors: Errc::invalid, naming the field.
[[nodiscard]] Result<std::set<std::string>> parse_reload_params(const std::string& params);
[[nodiscard]] std::string lanes_json(const std::vector<LaneStatistics>& lanes);
[[nodiscard]] std::string metrics_json(const std::vector<MetricReading>& metrics);

/// What `bus.tap` was asked: to open a tap on `topic`, or to read from the open tap `id`.
struct TapRequest {
  std::string topic;
  std::optional<std::uint64_t> id;
};
/// Errors: Errc::invalid, naming what is missing.
[[nodiscard]] Result<TapRequest> parse_tap_request(std::string_view params);
/// `now` and `wall_now` are the same moment: an event knows only when it was published on the
/// former.
[[nodiscard]] std::string tap_json(std::uint64_t id, std::span<const TappedEvent> events,
                                   TimePoint now, WallTime wall_now);
/// `text` as a JSON string.
[[nodiscard]] std::string text_json(const std::string& text);

}  // namespace weft::host
