#pragma once
/// What a plugin shows of itself in `weft status` and `weft report`. weft knows no plugin: it asks
/// for every control command that one of these functions names.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <weft/control.hpp>
#include <weft/json.hpp>

namespace weft {

/// The command "report.SECTION": any JSON value, which is the member `section` of `weft report`.
/// Its members have the names and the order in which weft prints them. `section` has no dot.
[[nodiscard]] inline CommandInfo report_command(const std::string& section,
                                                std::vector<AnswerField> fields = {}) {
  return {"report." + section, "The section '" + section + "' of 'weft report'.", "object",
          std::move(fields)};
}

/// The command "report.SECTION.PLUGIN": an object whose members become members of a section that
/// another plugin serves, in the order of the plugins' names. Objects are merged; anything else
/// replaces what was there. Nobody sees it where nobody serves the section.
[[nodiscard]] inline CommandInfo report_addition(const std::string& section,
                                                 const std::string& plugin,
                                                 std::vector<AnswerField> fields = {}) {
  return {"report." + section + "." + plugin,
          "What '" + plugin + "' adds to the section '" + section + "' of 'weft report'.", "object",
          std::move(fields)};
}

/// What summaries and pages take.
struct PageParameters {
  bool json = false;

  void describe(Schema& schema) {
    schema.field("json", json, "For programs: JSON of the plugin's own, instead of lines.");
  }
};

/// The command "summary.SECTION": lines for `weft status`, where they stand apart from those of
/// others, or with PageParameters::json the member `section` of `weft status --json`. `section` has
/// no dot.
[[nodiscard]] inline CommandInfo summary_command(const std::string& section) {
  return {"summary." + section,
          "The section '" + section + "' of 'weft status'.",
          "list of strings",
          {}};
}

/// The command "page.PAGE": lines for `weft status PAGE`, or with PageParameters::json what `weft
/// status PAGE --json` prints. `page` has no dot. `help`: one sentence about what it shows.
[[nodiscard]] inline CommandInfo page_command(const std::string& page, std::string help) {
  return {"page." + page, std::move(help), "list of strings", {}};
}

/// The command "page.PAGE.PLUGIN": lines below those of a page that another plugin serves. They are
/// never asked for JSON.
[[nodiscard]] inline CommandInfo page_addition(const std::string& page, const std::string& plugin,
                                               std::string help) {
  return {"page." + page + "." + plugin, std::move(help), "list of strings", {}};
}

/// Lines of a summary or a page. They may hold what peers and containers chose: weft escapes what
/// would end a line or drive a terminal.
class PageLines {
 public:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    add(fmt::format(format, std::forward<Args>(args)...));
  }
  /// "   Name: value", with the colon in column 16, as `weft status` has it.
  void entry(std::string_view label, std::string_view value) { line("{:>15}: {}", label, value); }

  /// The answer: a JSON list of strings.
  [[nodiscard]] std::string take() { return std::move(list_) + "]"; }

 private:
  void add(std::string_view text) {
    list_ += list_.size() == 1 ? "" : ",";
    list_ += json_string(text);
  }

  std::string list_ = "[";
};

}  // namespace weft
