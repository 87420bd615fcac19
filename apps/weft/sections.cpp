/// Finds sections in the list of commands, and asks for them side by side.

#include "sections.hpp"

#include <algorithm>
#include <future>
#include <tuple>
#include <utility>

#include "ask.hpp"
#include "console/json.hpp"

namespace weft::cli {

using namespace console;

namespace {

std::string command_of(std::string_view kind, const SectionAnswer& answer) {
  return std::string(kind) + "." + answer.section +
         (answer.plugin.empty() ? "" : "." + answer.plugin);
}

}  // namespace

Result<std::vector<SectionAnswer>> served_sections(std::string_view commands,
                                                   std::string_view kind) {
  Json list;
  WEFT_TRY(list, parse_json(commands, "the node's commands"));
  const std::string prefix = std::string(kind) + ".";
  std::vector<SectionAnswer> sections;
  for (const Json& command : list) {
    const std::string name = text_of(command, "name");
    if (!name.starts_with(prefix) || name.size() == prefix.size()) {
      continue;
    }
    const std::string rest = name.substr(prefix.size());
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    sections.push_back(
        {rest.substr(0, dot), dot < rest.size() ? rest.substr(dot + 1) : "", std::string()});
  }
  std::ranges::sort(sections, {},
                    [](const SectionAnswer& each) { return std::tie(each.section, each.plugin); });
  return sections;
}

Result<std::vector<SectionAnswer>> ask_sections(const Options& options, std::string_view kind,
                                                std::string_view params) {
  std::string commands;
  WEFT_TRY(commands, ask(options, "commands"));
  std::vector<SectionAnswer> sections;
  WEFT_TRY(sections, served_sections(commands, kind));
  std::vector<std::future<Result<std::string>>> answers;
  answers.reserve(sections.size());
  for (const SectionAnswer& section : sections) {
    answers.push_back(
        std::async(std::launch::async, [&options, command = command_of(kind, section), params] {
          return ask(options, command, params);
        }));
  }
  for (std::size_t i = 0; i < sections.size(); ++i) {
    sections[i].text = answers[i].get();
  }
  // Gone since it was listed, with its plugin: as if it had not been there.
  std::erase_if(sections, [](const SectionAnswer& each) {
    return !each.text && each.text.error().code == Errc::not_found;
  });
  return sections;
}

std::string absence(const SectionAnswer& answer, const Error& reason) {
  return answer.section + (answer.plugin.empty() ? "" : " of " + answer.plugin) +
         " is missing: " + reason.message();
}

}  // namespace weft::cli
