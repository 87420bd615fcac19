/// Reads and writes the lines of the control socket.

#include "runtime/control/protocol.hpp"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

namespace weft::control {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // slow where a stranger chooses the members

constexpr int max_depth = 64;  // writing JSON back recurses once per level

constexpr std::array<std::pair<Errc, std::string_view>, 12> code_names{{
    {Errc::abandoned, "abandoned"},
    {Errc::invalid, "invalid"},
    {Errc::malformed, "malformed"},
    {Errc::unsupported, "unsupported"},
    {Errc::not_found, "not_found"},
    {Errc::conflict, "conflict"},
    {Errc::denied, "denied"},
    {Errc::timeout, "timeout"},
    {Errc::unreachable, "unreachable"},
    {Errc::pool_exhausted, "pool_exhausted"},
    {Errc::cancelled, "cancelled"},
    {Errc::closed, "closed"},
}};
constexpr std::string_view system_code = "system";  // comes with "errno"

/// Parses without throwing; text nested deeper than max_depth counts as malformed.
template <class Value = Json>
Result<Value> parse(std::string_view text, const char* what) {
  bool is_too_deep = false;
  const auto limit_depth = [&](int depth, typename Value::parse_event_t /*event*/,
                               Value& /*value*/) {
    is_too_deep = is_too_deep || depth > max_depth;
    return !is_too_deep;
  };
  Value value = Value::parse(text.begin(), text.end(), limit_depth, /*allow_exceptions=*/false);
  if (is_too_deep) {
    return fail(Errc::malformed, std::string("read ") + what + ": it nests too deep");
  }
  if (value.is_discarded()) {
    return fail(Errc::malformed, std::string("read ") + what + ": it is not JSON");
  }
  return value;
}

/// Foreign octets in messages become U+FFFD instead of an exception.
template <class Value>
std::string dump(const Value& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/false, Value::error_handler_t::replace);
}

Json error_object(const Error& error) {
  Json object{{"message", error.message()}, {"context", error.context}};
  if (error.code.category() == weft_category()) {
    for (const auto& [code, name] : code_names) {
      if (make_error_code(code) == error.code) {
        object["code"] = name;
      }
    }
  } else {
    object["code"] = system_code;
    object["errno"] = error.code.value();
  }
  return object;
}

std::string text_or_empty(const OrderedJson& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Error error_from(const OrderedJson& object) {
  std::string context = text_or_empty(object, "context");
  if (context.empty()) {
    context = text_or_empty(object, "message");
  }
  const std::string name = text_or_empty(object, "code");
  if (name == system_code && object.contains("errno") && object.at("errno").is_number_integer()) {
    return Error{{object.at("errno").get<int>(), std::generic_category()}, std::move(context)};
  }
  for (const auto& [code, known] : code_names) {
    if (known == name) {
      return Error{make_error_code(code), std::move(context)};
    }
  }
  return Error{make_error_code(Errc::malformed), context + " (unknown error '" + name + "')"};
}

}  // namespace

Result<Request> parse_request(std::string_view line) {
  Json object;
  WEFT_TRY(object, parse(line, "request"));
  if (!object.is_object()) {
    return fail(Errc::invalid, "read request: it must be a JSON object with \"command\"");
  }
  const auto command = object.find("command");
  if (command == object.end() || !command->is_string()) {
    return fail(Errc::invalid, "read request: \"command\" must be a string");
  }
  const auto params = object.find("params");
  if (params != object.end() && !params->is_object()) {
    return fail(Errc::invalid, "read request: \"params\" must be an object");
  }
  return Request{command->get<std::string>(), params == object.end() ? "{}" : dump(*params)};
}

Result<std::string> format_request(std::string_view command, std::string_view params) {
  Json parsed = Json::object();
  if (!params.empty()) {
    WEFT_TRY(parsed, parse(params, "parameters"));
  }
  if (!parsed.is_object()) {
    return fail(Errc::invalid, "read parameters: they must be a JSON object");
  }
  return dump(Json{{"command", command}, {"params", std::move(parsed)}}) + "\n";
}

std::string format_answer(const Result<std::string>& answer) {
  if (!answer) {
    return dump(Json{{"ok", false}, {"error", error_object(answer.error())}}) + "\n";
  }
  if (!Json::accept(*answer)) {
    return format_answer(fail(Errc::malformed, "answer: the command's result is not JSON"));
  }
  std::string line = R"({"ok":true,"result":)" + *answer + "}";
  // Between JSON tokens a line break is only space, and inside strings it cannot occur.
  std::replace_if(line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return line + "\n";
}

Result<std::string> parse_answer(std::string_view line) {
  OrderedJson object;
  WEFT_TRY(object, parse<OrderedJson>(line, "weftd's answer"));
  if (!object.is_object() || !object.contains("ok") || !object["ok"].is_boolean()) {
    return fail(Errc::malformed, "read weftd's answer: \"ok\" is missing");
  }
  if (object["ok"].get<bool>()) {
    return object.contains("result") ? dump(object["result"]) : std::string("null");
  }
  const auto error = object.find("error");
  if (error == object.end() || !error->is_object()) {
    return fail(Errc::malformed, "read weftd's answer: \"error\" is missing");
  }
  return tl::unexpected(error_from(*error));
}

}  // namespace weft::control
