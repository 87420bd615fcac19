/// Puts the parts of the report into their places.

#include "report.hpp"

#include <algorithm>

#include "report_json.hpp"
#include "report_path.hpp"
#include "report_template.hpp"

namespace weft::cli {

using namespace console;

namespace {

/// What the node itself says, and the sections that Weave Net's report has.
Json own_part(const Json& host) {
  return {{"Ready", text_of(host, "State") == "ready"},
          {"Version", text_of(host, "Version")},
          {"VersionCheck",
           {{"Enabled", false},  // weft never asks for newer versions
            {"Success", false},
            {"NewVersion", ""},
            {"NextCheckAt", "0001-01-01T00:00:00Z"}}},
          {"Router", nullptr},
          {"IPAM", nullptr},
          {"DNS", nullptr},
          {"Proxy", nullptr},
          {"Plugin", nullptr}};
}

/// The values of a path, for people and for scripts.
Result<std::string> format_path(const Json& report, std::string_view format) {
  std::vector<PathStep> path;
  WEFT_TRY(path, parse_path(format));
  std::vector<const Json*> values;
  WEFT_TRY(values, select(report, path));
  const bool is_list = std::ranges::any_of(
      path, [](const PathStep& step) { return step.kind == PathStep::Kind::every; });
  std::string text;
  for (const Json* const value : values) {
    text += is_list || value->is_string() ? plain_text(*value)
                                          : report_text(*value, JsonLayout::indented);
    text += '\n';
  }
  return text;
}

/// Without the sections that are null.
Json without_absent(const Json& report) {
  Json present = Json::object();
  for (const auto& [name, section] : report.items()) {
    if (!section.is_null()) {
      present[name] = section;
    }
  }
  return present;
}

}  // namespace

Result<Report> assemble_report(std::string_view host, const std::vector<SectionAnswer>& answers) {
  Json status;
  WEFT_TRY(status, parse_json(host, "the node's status"));
  Report report{own_part(status), {}};
  report.missing = add_sections(answers, report.json);
  return report;
}

Result<std::string> format_report(const Json& report, std::string_view format) {
  if (format.empty()) {
    return report_text(without_absent(report), JsonLayout::indented) + "\n";
  }
  if (format.find("{{") != std::string_view::npos) {
    std::string text;
    WEFT_TRY(text, render_template(format, report));
    return text.empty() || text.ends_with('\n') ? text : text + "\n";
  }
  if (format.starts_with('.') || format.starts_with('$')) {
    return format_path(report, format);
  }
  return format_error(1,
                      "want a path such as .Router.Name, or a template such as "
                      "'{{.Router.Name}}'");
}

}  // namespace weft::cli
