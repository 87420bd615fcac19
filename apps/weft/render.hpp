#pragma once
/// What the node answers as text, from the JSON that its control commands return. Pure.

#include <string>
#include <string_view>
#include <vector>

#include <weft/result.hpp>

#include "sections.hpp"

namespace weft::cli {

/// JSON texts of one node.
struct NodeStatus {
  std::string host;                     ///< "status"
  std::string checks;                   ///< DoctorPage::json
  std::vector<SectionAnswer> sections;  ///< of the kind "summary"
};

struct StatusPage {
  std::string text;
  bool is_whole = true;  ///< no section is missing
};

/// Sections are lists of lines. One that is missing is named in its place. Errors: Errc::malformed,
/// of what is the node's own.
[[nodiscard]] Result<StatusPage> render_status(const NodeStatus& status);
/// As one JSON object. Sections are its members; "Missing" tells which are not there.
[[nodiscard]] Result<StatusPage> status_json(const NodeStatus& status);

/// Each errors with Errc::malformed when its JSON has not the fields of the command's answer.
[[nodiscard]] Result<std::string> render_holders(std::string_view holders);
[[nodiscard]] Result<std::string> render_plugins(std::string_view plugins);
[[nodiscard]] Result<std::string> render_topics(std::string_view topics);
[[nodiscard]] Result<std::string> render_lanes(std::string_view lanes);
/// One line of bus.follow: an event, or that some were lost.
[[nodiscard]] std::string render_event(std::string_view line);
[[nodiscard]] Result<std::string> render_commands(std::string_view commands);

struct ReloadPage {
  std::string text;
  bool all_run = true;  ///< every plugin that should run does
};
[[nodiscard]] Result<ReloadPage> render_reload(std::string_view reloaded);

/// JSON text indented for people. Text that is not JSON comes back as it is.
[[nodiscard]] std::string indent_json(std::string_view text);

}  // namespace weft::cli
