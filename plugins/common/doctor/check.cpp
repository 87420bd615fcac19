/// Writes checks as JSON.

#include "check.hpp"

#include <nlohmann/json.hpp>

namespace weft::doctor {
namespace {

const char* word(State state) {
  switch (state) {
    case State::ok:
      return "ok";
    case State::off:
      return "off";
    case State::note:
      return "note";
    case State::wrong:
      break;
  }
  return "wrong";
}

}  // namespace

std::string to_json(const std::vector<Check>& checks) {
  auto list = nlohmann::json::array();
  for (const Check& check : checks) {
    list.push_back({{"check", check.name},
                    {"state", word(check.state)},
                    {"text", check.text},
                    {"remedy", check.remedy}});
  }
  return list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

CommandInfo command_of(const std::string& plugin) {
  return {plugin + ".doctor",
          "What the plugin has looked at for 'weft doctor'.",
          "list of objects",
          {{"check", "What is checked."},
           {"state", "ok, off, note or wrong."},
           {"text", "What was found."},
           {"remedy", "What to do about it."}}};
}

}  // namespace weft::doctor
