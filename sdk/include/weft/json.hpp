#pragma once
/// JSON as text: for answers of control commands, and for events that programs follow.

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

#include <weft/export.hpp>

namespace weft {

/// `text` as a JSON string, in quotes. Octets that are no UTF-8 become U+FFFD.
[[nodiscard]] WEFT_EXPORT std::string json_string(std::string_view text);

/// A list of what `write` makes of each item: JSON as text.
template <class Items, class Write>
[[nodiscard]] std::string json_list(const Items& items, Write write) {
  std::string list = "[";
  for (const auto& item : items) {
    list += list.size() == 1 ? "" : ",";
    list += write(item);
  }
  return list + "]";
}

/// A list of strings: what `to_string` says of each item.
template <class Items>
[[nodiscard]] std::string json_texts(const Items& items) {
  return json_list(items, [](const auto& item) { return json_string(to_string(item)); });
}

/// Writes an object member by member.
class JsonObject {
 public:
  JsonObject& text(std::string_view name, std::string_view value) {
    return json(name, json_string(value));
  }
  template <std::integral Number>
  JsonObject& number(std::string_view name, Number value) {
    return json(name, std::to_string(value));
  }
  JsonObject& boolean(std::string_view name, bool value) {
    return json(name, value ? "true" : "false");
  }
  /// `value` is JSON.
  JsonObject& json(std::string_view name, std::string_view value) {
    text_ += text_.size() == 1 ? "" : ",";
    text_ += json_string(name) + ":";
    text_ += value;
    return *this;
  }

  [[nodiscard]] std::string take() { return std::move(text_) + "}"; }

 private:
  std::string text_ = "{";
};

}  // namespace weft
