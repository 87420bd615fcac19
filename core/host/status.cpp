/// Writes the node's state as JSON.

#include "host/status.hpp"

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

std::string text_json(const std::string& text) {
  return dump(text);
}

}  // namespace weft::host
