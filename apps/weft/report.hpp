#pragma once
/// The report of a node in the shape of Weave Net's, from what its plugins serve. Pure.
/// Source: weave prog/weaver/http.go, WeaveStatus.

#include <string>
#include <string_view>
#include <vector>

#include "console/json.hpp"
#include "sections.hpp"

namespace weft::cli {

struct Report {
  console::Json json;
  std::vector<std::string> missing;  ///< one sentence for each section that could not be had
};

/// All sections, Weave Net's first and in its order. Those that nobody serves are null: Weave Net
/// leaves them out of its JSON, and its templates see nil.
///
/// `host`: the answer of "status". Ready: every plugin of the configuration runs. `answers`: those
/// of the commands "report.*", sections before what is added to them. Errors: Errc::malformed, of
/// `host`.
[[nodiscard]] Result<Report> assemble_report(std::string_view host,
                                             const std::vector<SectionAnswer>& answers);

/// `report` through `format`: all of it when that is empty; what a path, from '.' or '$', leads to,
/// with [*] one value a line; or a template, which has "{{". Ends in a newline unless empty.
/// Errors: Errc::invalid, with the column in `format`.
[[nodiscard]] Result<std::string> format_report(const console::Json& report,
                                                std::string_view format);

}  // namespace weft::cli
