/// Formats the bridge's state for people and scripts.

#include "status.hpp"

#include <nlohmann/json.hpp>

#include <weft/json.hpp>

namespace weft::bridge {

std::string to_json(const Status& status) {
  auto addresses = nlohmann::json::array();
  for (const net::Cidr& address : status.addresses) {
    addresses.push_back(to_string(address));
  }
  return nlohmann::json{{"name", status.bridge.name},
                        {"mac", to_string(status.bridge.mac)},
                        {"mtu", status.bridge.mtu},
                        {"up", status.bridge.is_up},
                        {"addresses", std::move(addresses)},
                        {"port",
                         {{"name", status.port.name},
                          {"up", status.port.is_up},
                          {"hairpin", status.port.is_hairpin},
                          {"queues", status.queues},
                          {"offloads", status.offloads}}}}
      .dump();
}

CommandInfo status_command() {
  return {"bridge.status",
          "The bridge, and the router's port on it.",
          "object",
          {{"name", "The bridge's."},
           {"mac", "The bridge's."},
           {"mtu", "Of pods on it."},
           {"up", "Whether it is."},
           {"addresses", "With the prefix lengths of their networks."},
           {"port.name", "The router's port."},
           {"port.up", "Whether it is."},
           {"port.hairpin", "Whether frames may go back out of it."},
           {"port.queues", "Of its tap."},
           {"port.offloads", "Of its tap."}}};
}

std::string report_json(std::string_view port) {
  return JsonObject().text("Interface", std::string(port) + " (via tap)").take();
}

std::vector<AnswerField> report_fields() {
  return {{"Interface", "The tap that frames come from; absent with a datapath."}};
}

}  // namespace weft::bridge
