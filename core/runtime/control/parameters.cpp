/// Reads JSON values as configuration values.

#include "runtime/control/parameters.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "runtime/config/binder.hpp"

namespace weft::control {
namespace {

using Json = nlohmann::json;

/// Empty for what no parameter takes.
std::optional<ConfigValue> to_value(const Json& json) {
  if (json.is_boolean()) {
    return json.get<bool>();
  }
  if (json.is_number_integer()) {
    const bool fits = !json.is_number_unsigned() ||
                      json.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max();
    return fits ? std::optional<ConfigValue>(json.get<std::int64_t>()) : std::nullopt;
  }
  if (json.is_number_float()) {
    return json.get<double>();
  }
  if (json.is_string()) {
    return json.get<std::string>();
  }
  if (json.is_array() && std::ranges::all_of(json, &Json::is_string)) {
    return json.get<std::vector<std::string>>();
  }
  return std::nullopt;
}

Result<> assign(const ConfigField& field, const Json& json) {
  const auto value = to_value(json);
  if (!value) {
    return fail(Errc::invalid, fmt::format("set {} to {}: want {}", field.name,
                                           json.is_array()    ? "a list of other things than text"
                                           : json.is_object() ? "an object"
                                                              : "so large a number",
                                           field.type));
  }
  return field.assign(*value);
}

}  // namespace

Result<> bind_parameters(std::string_view text, const Schema& schema) {
  const Json object = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) {
    return fail(Errc::invalid, "read the parameters: they must be a JSON object");
  }
  const std::vector<ConfigField>& fields = schema.fields();
  for (const auto& [name, value] : object.items()) {
    const auto field = std::ranges::find(fields, name, &ConfigField::name);
    if (field == fields.end()) {
      std::vector<std::string> known;
      std::ranges::transform(fields, std::back_inserter(known), &ConfigField::name);
      return fail(Errc::invalid, fmt::format("use parameter '{}': the command has none{}", name,
                                             config::did_you_mean(name, known)));
    }
    if (!value.is_null()) {
      WEFT_TRY(assign(*field, value));
    }
  }
  for (const ConfigField& field : fields) {
    const auto given = object.find(field.name);
    if (field.is_required && (given == object.end() || given->is_null())) {
      return fail(Errc::invalid, fmt::format("do without parameter '{}' ({}): {}", field.name,
                                             field.type, field.help));
    }
  }
  return {};
}

Task run_command(CommandCall& call, std::string_view json, Reply<std::string> reply) {
  Schema schema;
  call.describe(schema);
  const auto fits = bind_parameters(json, schema).and_then([&] { return call.validate(); });
  if (!fits) {
    reply(tl::unexpected(fits.error()));
    return {};
  }
  return call.run(std::move(reply));
}

}  // namespace weft::control
