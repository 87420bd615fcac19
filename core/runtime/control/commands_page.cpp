/// Writes what commands take and answer.

#include "runtime/control/commands_page.hpp"

#include <nlohmann/json.hpp>

namespace weft::control {
namespace {

using Json = nlohmann::ordered_json;

Json parameters(const CommandDescription& command) {
  Json list = Json::array();
  for (const ConfigField& field : command.parameters) {
    list.push_back({{"name", field.name},
                    {"type", field.type},
                    {"required", field.is_required},
                    {"default", field.default_value},
                    {"help", field.help}});
  }
  return list;
}

Json fields(const CommandDescription& command) {
  Json list = Json::array();
  for (const AnswerField& field : command.info.fields) {
    list.push_back({{"name", field.name}, {"help", field.help}});
  }
  return list;
}

}  // namespace

std::string commands_json(const std::vector<CommandDescription>& commands) {
  Json list = Json::array();
  for (const CommandDescription& command : commands) {
    list.push_back({{"name", command.info.name},
                    {"help", command.info.help},
                    {"parameters", parameters(command)},
                    {"answer", command.info.answer},
                    {"fields", fields(command)}});
  }
  return list.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace weft::control
