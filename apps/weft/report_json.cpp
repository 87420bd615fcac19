/// Writes JSON as Go's encoder does.

#include "report_json.hpp"

namespace weft::cli {

using namespace console;

std::string report_text(const Json& value, JsonLayout layout) {
  const std::string plain = json_text(value, layout == JsonLayout::indented ? 4 : -1);
  std::string text;
  text.reserve(plain.size());
  for (const char c : plain) {  // outside of strings JSON has none of these
    switch (c) {
      case '<':
        text += "\\u003c";
        break;
      case '>':
        text += "\\u003e";
        break;
      case '&':
        text += "\\u0026";
        break;
      default:
        text += c;
    }
  }
  return text;
}

std::string plain_text(const Json& value) {
  return value.is_string() ? one_line(value.get_ref<const std::string&>())
                           : report_text(value, JsonLayout::compact);
}

}  // namespace weft::cli
