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

}  // namespace weft
