/// Copies lines from JSON to a page.

#include "lines.hpp"

#include "json.hpp"

namespace weft::console {

Result<> add_lines(std::string_view list, Page& page) {
  Json lines;
  WEFT_TRY(lines, parse_json(list, "lines"));
  if (!lines.is_array()) {
    return fail(Errc::malformed, "read lines: they are no list");
  }
  for (const Json& line : lines) {
    page.line("{}", text_of(line));
  }
  return {};
}

Result<std::string> render_lines(std::string_view list) {
  Page page;
  WEFT_TRY(add_lines(list, page));
  return page.take();
}

}  // namespace weft::console
