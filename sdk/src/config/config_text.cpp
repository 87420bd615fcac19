/// Writes configuration values as TOML does.

#include <weft/config_text.hpp>

#include <fmt/core.h>

namespace weft::config {

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string value_text(const ConfigValue& value) {
  struct Writer {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return fmt::format("{}", v); }
    std::string operator()(double v) const {
      const std::string text = fmt::format("{}", v);
      return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
    }
    std::string operator()(const std::string& v) const { return in_quotes(v); }
    std::string operator()(const std::vector<std::string>& v) const {
      std::string out = "[";
      for (const std::string& item : v) {
        out += (&item == v.data() ? "" : ", ") + in_quotes(item);
      }
      return out + "]";
    }
  };
  return std::visit(Writer{}, value);
}

}  // namespace weft::config
