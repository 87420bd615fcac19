/// Writes the node's state as JSON.

#include "host/status.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "host/version.hpp"

namespace weft::host {
namespace {

using Json = nlohmann::ordered_json;

/// Plugins choose some of the text; it may not be UTF-8.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string status_json(const NodeStatus& node, const std::vector<PluginStatus>& plugins) {
  Json states = Json::array();
  for (const PluginStatus& plugin : plugins) {
    states.push_back({{"Name", plugin.manifest.name},
                      {"State", to_string(plugin.state)},
                      {"Reason", plugin.reason}});
  }
  return dump({{"Version", product_version()},
               {"Name", to_string(node.info.name)},
               {"NickName", node.info.nickname},
               {"State", node.state},
               {"UptimeSeconds", node.uptime.count()},
               {"Plugins", std::move(states)}});
}

std::string plugins_json(const std::vector<PluginStatus>& plugins) {
  Json list = Json::array();
  for (const PluginStatus& plugin : plugins) {
    list.push_back({{"name", plugin.manifest.name},
                    {"version", plugin.manifest.version},
                    {"summary", plugin.manifest.summary},
                    {"state", to_string(plugin.state)},
                    {"reason", plugin.reason},
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
                         {"coalesced", reader.coalesced}});
    }
    list.push_back({{"topic", topic.topic},
                    {"kind", topic.is_state ? "state" : "signal"},
                    {"published", topic.published},
                    {"current-values", topic.current_values},
                    {"subscribers", std::move(readers)}});
  }
  return dump(list);
}

std::string reloaded_json(const Reloaded& reloaded, const std::vector<PluginStatus>& plugins) {
  Json list = Json::array();
  for (const ReloadStep& step : reloaded.plan.steps) {
    const auto status = std::ranges::find(
        plugins, step.name, [](const PluginStatus& plugin) { return plugin.manifest.name; });
    const bool is_there = status != plugins.end();
    list.push_back({{"name", step.name},
                    {"action", to_string(step.action)},
                    {"because", step.reason},
                    {"state", is_there ? to_string(status->state) : "stopped"},
                    {"reason", is_there ? status->reason : ""}});
  }
  return dump({{"plugins", std::move(list)}, {"told", reloaded.told}});
}

Result<std::set<std::string>> parse_reload_params(const std::string& params) {
  const Json parsed = Json::parse(params, nullptr, false);
  const auto field = parsed.find("plugins");
  std::set<std::string> names;
  if (field == parsed.end()) {
    return names;
  }
  const auto refuse = [] {
    return fail(Errc::invalid, "reload: 'plugins' must be a list of plugin names");
  };
  if (!field->is_array()) {
    return refuse();
  }
  for (const Json& name : *field) {
    if (!name.is_string()) {
      return refuse();
    }
    names.insert(name.get<std::string>());
  }
  return names;
}

std::string text_json(const std::string& text) {
  return dump(text);
}

}  // namespace weft::host
