/// Formats the bridge's state for people and scripts.

#include "status.hpp"

#include <nlohmann/json.hpp>

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

}  // namespace weft::bridge
