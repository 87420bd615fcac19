#pragma once
/// What the node's plugins serve for the report, the status and its pages: see <weft/page.hpp>.

#include <string>
#include <string_view>
#include <vector>

#include <weft/result.hpp>

#include "commands.hpp"

namespace weft::cli {

/// What one plugin answered for a section.
struct SectionAnswer {
  std::string section;
  std::string plugin;  ///< that adds to another's section; empty: the section itself
  Result<std::string> text;
};

/// The sections of `kind` that `commands`, the answer of the command of that name, lists: names and
/// plugins. For each kind "report" these are "report.SECTION" and "report.SECTION.PLUGIN". Sorted:
/// a section comes before what is added to it, and that by plugin. Errors: Errc::malformed.
[[nodiscard]] Result<std::vector<SectionAnswer>> served_sections(std::string_view commands,
                                                                 std::string_view kind);

/// Asks all plugins that serve a section of `kind`, at once. A plugin that does not answer in 10 s
/// delays none of the others; its answer is an error. Errors: as ask, of the question who serves
/// what.
[[nodiscard]] Result<std::vector<SectionAnswer>> ask_sections(const Options& options,
                                                              std::string_view kind,
                                                              std::string_view params = "");

/// One sentence for people: the section of `answer` is missing because of `reason`.
[[nodiscard]] std::string absence(const SectionAnswer& answer, const Error& reason);

}  // namespace weft::cli
