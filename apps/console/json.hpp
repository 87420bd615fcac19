#pragma once
/// Reading fields of JSON that another program wrote: absent or mistyped is a value, not an
/// exception. For the few files that include nlohmann.

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <weft/result.hpp>

#include "runtime/base/printable.hpp"

namespace weft::console {

using Json = nlohmann::ordered_json;

/// Parses `text`, called `what` in the error. Errors: Errc::malformed.
[[nodiscard]] inline Result<Json> parse_json(std::string_view text, std::string_view what) {
  Json value = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) {
    return fail(Errc::malformed, "read " + std::string(what) + ": it is not JSON");
  }
  return value;
}

/// The member, or null when `object` has none or is not an object.
[[nodiscard]] inline const Json& member(const Json& object, const char* key) {
  static const Json null;
  if (!object.is_object()) {
    return null;
  }
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

/// `value` as JSON that drives no terminal, as texts in it may come from peers: on one line, or
/// indented by `indent`.
[[nodiscard]] inline std::string json_text(const Json& value, int indent = -1) {
  return printable_json(value.dump(indent, ' ', false, Json::error_handler_t::replace));
}

/// The text of a string, the digits of a number, or nothing.
[[nodiscard]] inline std::string text_of(const Json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  return value.is_null() ? std::string()
                         : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

[[nodiscard]] inline std::string text_of(const Json& object, const char* key) {
  return text_of(member(object, key));
}

[[nodiscard]] inline bool is_true(const Json& object, const char* key) {
  const Json& value = member(object, key);
  return value.is_boolean() && value.get<bool>();
}

[[nodiscard]] inline std::uint64_t number_of(const Json& object, const char* key) {
  const Json& value = member(object, key);
  return value.is_number() ? value.get<std::uint64_t>() : 0;
}

}  // namespace weft::console
