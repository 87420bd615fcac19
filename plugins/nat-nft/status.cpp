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

std::string to_json(const Status& status, const std::vector<Finding>& dropped,
                    const std::vector<Loss>& losses) {
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
  json["dropped"] = nlohmann::json::array();
  for (const Finding& finding : dropped) {
    auto traffic = nlohmann::json::array();
    for (const Traffic each : finding.traffic) {
      traffic.push_back(label_of(each));
    }
    json["dropped"].push_back({{"chain", finding.table + " " + finding.drop.chain},
                               {"traffic", std::move(traffic)},
                               {"wrong", finding.is_wrong()},
                               {"text", describe(finding)}});
  }
  json["vanishing"] = nlohmann::json::array();
  for (const Loss& loss : losses) {
    json["vanishing"].push_back({{"traffic", label_of(loss.traffic)},
                                 {"hook", name_of_hook(loss.hook)},
                                 {"packets", loss.packets}});
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

CommandInfo status_command() {
  return {"nat.status",
          "What is masqueraded, and what other packet filters drop.",
          "object",
          {{"translation", "masquerade or none."},
           {"table", "The nftables table."},
           {"exposed", "Networks whose pods reach the outside."},
           {"unconfirmed", "Those that nobody has asked for since the start."},
           {"local_ranges", "Addresses of this node."},
           {"replacements", "Times that the table was put back."},
           {"foreign_chain", "Another program's chain that masquerades pods; or null."},
           {"dropped[].chain", "Another program's chain that drops packets of pods."},
           {"dropped[].traffic", "Which packets."},
           {"vanishing[].traffic", "Packets that come into a hook while none comes out."},
           {"vanishing[].hook", "Where."},
           {"vanishing[].packets", "How many came in since the last one that came out."}}};
}

}  // namespace weft::nat
