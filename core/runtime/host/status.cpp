/// Writes the node's state as JSON.

#include "runtime/host/status.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "runtime/host/version.hpp"

namespace weft::host {
namespace {

using Json = nlohmann::ordered_json;

/// Plugins choose some of the text; it may not be UTF-8.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// Why a plugin does not run, and when it is started again.
std::string reason_text(const PluginStatus& plugin, TimePoint now) {
  if (!plugin.next_attempt) {
    return plugin.reason;
  }
  const auto left = std::chrono::ceil<std::chrono::seconds>(*plugin.next_attempt - now);
  return fmt::format("{}; next attempt in {} s", plugin.reason,
                     std::max<std::int64_t>(left.count(), 0));
}

}  // namespace

std::string status_json(const NodeStatus& node, const std::vector<PluginStatus>& plugins,
                        TimePoint now) {
  Json states = Json::array();
  for (const PluginStatus& plugin : plugins) {
    states.push_back({{"Name", plugin.manifest.name},
                      {"State", to_string(plugin.state)},
                      {"Reason", reason_text(plugin, now)}});
  }
  Json status{{"Version", product_version()},         {"Name", to_string(node.info.name)},
              {"NickName", node.info.nickname},       {"State", node.state},
              {"UptimeSeconds", node.uptime.count()}, {"Plugins", std::move(states)}};
  if (!node.warnings.empty()) {
    status["Warnings"] = node.warnings;
  }
  if (!node.troubles.empty()) {
    Json& troubles = status["Troubles"] = Json::array();
    for (const auto& [source, reason] : node.troubles) {
      troubles.push_back({{"Source", source}, {"Reason", reason}});
    }
  }
  return dump(status);
}

std::string plugins_json(const std::vector<PluginStatus>& plugins, TimePoint now) {
  Json list = Json::array();
  for (const PluginStatus& plugin : plugins) {
    list.push_back({{"name", plugin.manifest.name},
                    {"version", plugin.manifest.version},
                    {"summary", plugin.manifest.summary},
                    {"state", to_string(plugin.state)},
                    {"reason", reason_text(plugin, now)},
                    {"provides", plugin.manifest.provides},
                    {"requires", plugin.manifest.required},
                    {"critical", plugin.manifest.critical},
                    {"path", plugin.path}});
  }
  return dump(list);
}

std::string topics_json(const std::vector<TopicStatistics>& topics) {
  Json list = Json::array();
  for (const TopicStatistics& topic : topics) {
    Json readers = Json::array();
    for (const SubscriberStatistics& reader : topic.subscribers) {
      readers.push_back({{"plugin", reader.plugin},
                         {"depth", reader.depth},
                         {"high-water", reader.high_water},
                         {"delivered", reader.delivered},
                         {"dropped", reader.dropped},
                         {"coalesced", reader.coalesced},
                         {"latency-p50-seconds", reader.latency.quantile(0.5)},
                         {"latency-p99-seconds", reader.latency.quantile(0.99)}});
    }
    list.push_back({{"topic", topic.topic},
                    {"kind", topic.is_state ? "state" : "signal"},
                    {"published", topic.published},
                    {"current-values", topic.current_values},
                    {"subscribers", std::move(readers)}});
  }
  return dump(list);
}

std::string reloaded_json(const Reloaded& reloaded, const std::vector<PluginStatus>& plugins,
                          TimePoint now) {
  Json list = Json::array();
  for (const ReloadStep& step : reloaded.plan.steps) {
    const auto status = std::ranges::find(
        plugins, step.name, [](const PluginStatus& plugin) { return plugin.manifest.name; });
    const bool is_there = status != plugins.end();
    list.push_back({{"name", step.name},
                    {"action", to_string(step.action)},
                    {"because", step.reason},
                    {"state", is_there ? to_string(status->state) : "stopped"},
                    {"reason", is_there ? reason_text(*status, now) : ""}});
  }
  return dump({{"plugins", std::move(list)}, {"told", reloaded.told}});
}

std::string lanes_json(const std::vector<LaneStatistics>& lanes) {
  Json list = Json::array();
  for (const LaneStatistics& lane : lanes) {
    const double running = seconds(lane.running);
    list.push_back({{"lane", lane.index},
                    {"tasks", lane.tasks},
                    {"cycles", lane.cycles},
                    {"polls", lane.polls},
                    {"batches", lane.batches},
                    {"frames", lane.frames},
                    {"sleeps", lane.sleeps},
                    {"scratch-exhausted", lane.scratch_exhausted},
                    {"cpu-seconds", seconds(lane.cpu_time)},
                    {"running-seconds", running},
                    {"busy-share", running > 0 ? seconds(lane.cpu_time) / running : 0}});
  }
  return dump(list);
}

std::string metrics_json(const std::vector<MetricReading>& metrics) {
  Json list = Json::array();
  for (const MetricReading& metric : metrics) {
    Json labels = Json::object();
    for (const auto& [label, text] : metric.labels) {
      labels[label] = text;
    }
    Json& object = list.emplace_back(Json{{"name", metric.name},
                                          {"kind", metric.kind},
                                          {"help", metric.help},
                                          {"labels", std::move(labels)},
                                          {"value", metric.value}});
    if (metric.kind == "histogram") {
      object["count"] = metric.distribution.count();
      object["bounds"] = metric.distribution.bounds;
      object["counts"] = metric.distribution.counts;
    }
  }
  return dump(list);
}

std::string text_json(const std::string& text) {
  return dump(text);
}

}  // namespace weft::host
