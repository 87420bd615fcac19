/// Writes the MAC table as JSON.

#include "fabric/macs_page.hpp"

#include <nlohmann/json.hpp>

#include "runtime/base/time_text.hpp"

namespace weft::dataplane {

std::string macs_json(const std::vector<MacEntry>& macs, WallTime now,
                      const std::function<std::string(PeerName)>& nickname_of) {
  auto list = nlohmann::ordered_json::array();
  for (const MacEntry& entry : macs) {
    list.push_back({{"Mac", to_string(entry.mac)},
                    {"Name", to_string(entry.peer)},
                    {"NickName", nickname_of(entry.peer)},
                    {"LastSeen", time_text(now - entry.idle)}});
  }
  return list.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace weft::dataplane
