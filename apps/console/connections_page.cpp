/// Draws a node's connections, one a line.

#include "connections_page.hpp"

#include "page.hpp"

namespace weft::console {

const char* arrow(const Json& connection) {
  return is_true(connection, "Outbound") ? "->" : "<-";
}

Result<std::string> render_connections(std::string_view connections) {
  Json list;
  WEFT_TRY(list, parse_json(connections, "connections"));
  Page page;
  for (const Json& connection : list) {
    std::string attributes;
    const Json& all = member(connection, "Attrs");
    for (auto it = all.begin(); all.is_object() && it != all.end(); ++it) {
      if (it.key() != "name") {
        attributes += " " + it.key() + "=" + text_of(it.value());
      }
    }
    const std::string state = text_of(connection, "State");
    const std::string details = text_of(connection, "Info") + attributes;
    page.line("{} {:<21} {}", arrow(connection), text_of(connection, "Address"),
              details.empty() ? state : fmt::format("{:<11} {}", state, details));
  }
  return page.take();
}

}  // namespace weft::console
