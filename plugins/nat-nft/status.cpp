/// Formats the state of the NAT table for people and scripts.

#include "status.hpp"

#include <nlohmann/json.hpp>

namespace weft::nat {
namespace {

nlohmann::json list(const std::vector<net::Cidr>& networks) {
  auto result = nlohmann::json::array();
  for (const net::Cidr& network : networks) {
    result.push_back(to_string(network));
  }
  return result;
}

}  // namespace

std::string to_json(const Status& status) {
  nlohmann::json json{
      {"translation", status.translation == Translation::masquerade ? "masquerade" : "none"},
      {"table", "ip " + std::string(table_name)},
      {"exposed", list(status.exposed)},
      {"unconfirmed", list(status.unconfirmed)},
      {"local_ranges", list(status.local_ranges)},
      {"replacements", status.replacements},
      {"foreign_chain", nullptr},
  };
  if (status.foreign_chain) {
    json["foreign_chain"] = "ip " + status.foreign_chain->table + " " + status.foreign_chain->chain;
  }
  return json.dump();
}

}  // namespace weft::nat
