#pragma once
/// What the node's plugins serve for the report, the status and its pages: see <weft/page.hpp>.

#include <string>
#include <string_view>
#include <vector>

#include <weft/result.hpp>

#include "commands.hpp"
#include "console/json.hpp"

namespace weft::cli {

/// A section, or what another plugin adds to one.
struct SectionAnswer {
  std::string section;
  std::string plugin;        ///< that adds to it; empty: the section itself
  Result<std::string> text;  ///< what the plugin answered

  /// For people.
  [[nodiscard]] std::string name() const {
    return plugin.empty() ? section : section + " of " + plugin;
  }
};

/// The sections of `kind` that `commands`, the answer of the command of that name, lists: for
/// "report" these are the commands "report.SECTION" and "report.SECTION.PLUGIN". Weave Net's come
/// first and in its order. A section comes before what is added to it, and that by plugin. Errors:
/// Errc::malformed.
[[nodiscard]] Result<std::vector<SectionAnswer>> served_sections(std::string_view commands,
                                                                 std::string_view kind);
/// The same of the running node. Errors: as ask.
[[nodiscard]] Result<std::vector<SectionAnswer>> served_sections(const Options& options,
                                                                 std::string_view kind);

/// Fills in what the plugins answer; asks all of them at once. One that does not answer in 10 s
/// delays none of the others, and its answer is an error. One that was stopped meanwhile is left
/// out.
[[nodiscard]] std::vector<SectionAnswer> ask_sections(const Options& options, std::string_view kind,
                                                      std::vector<SectionAnswer> sections,
                                                      std::string_view params = "");

/// Makes each section a member of `object`, and merges what is added to it. Returns a sentence for
/// each that is missing. No section replaces a member that `object` had.
[[nodiscard]] std::vector<std::string> add_sections(const std::vector<SectionAnswer>& sections,
                                                    console::Json& object);

}  // namespace weft::cli
