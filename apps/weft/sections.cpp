/// Finds sections in the list of commands, and asks for them side by side.

#include "sections.hpp"

#include <algorithm>
#include <array>
#include <future>
#include <tuple>
#include <utility>

#include "ask.hpp"

namespace weft::cli {

using namespace console;

namespace {

/// In Weave Net's order, before all others.
constexpr std::array<std::string_view, 2> first_sections{"Router", "IPAM"};

std::string command_of(std::string_view kind, const SectionAnswer& answer) {
  return std::string(kind) + "." + answer.section +
         (answer.plugin.empty() ? "" : "." + answer.plugin);
}

/// Errors: why the section is missing.
Result<> add_section(const SectionAnswer& given, Json& object) {
  if (!given.text) {
    return tl::unexpected(given.text.error());
  }
  Json answer;
  WEFT_TRY(answer, parse_json(*given.text, "the answer"));
  const auto section = object.find(given.section);
  const bool is_there = section != object.end() && !section->is_null();
  if (given.plugin.empty()) {
    if (is_there) {
      return fail(Errc::conflict, "add '" + given.section + "': weft says that itself");
    }
    object[given.section] = std::move(answer);
  } else if (!answer.is_object()) {
    return fail(Errc::malformed, "read the answer: it is not an object");
  } else if (is_there && section->is_object()) {
    section->update(answer, /*merge_objects=*/true);
  }
  return {};
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
  std::ranges::sort(sections, {}, [](const SectionAnswer& each) {
    return std::tuple(std::ranges::find(first_sections, each.section), each.section, each.plugin);
  });
  return sections;
}

Result<std::vector<SectionAnswer>> served_sections(const Options& options, std::string_view kind) {
  return ask(options, "commands").and_then([&](const std::string& commands) {
    return served_sections(commands, kind);
  });
}

std::vector<SectionAnswer> ask_sections(const Options& options, std::string_view kind,
                                        std::vector<SectionAnswer> sections,
                                        std::string_view params) {
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
  std::erase_if(sections, [](const SectionAnswer& each) {
    return !each.text && each.text.error().code == Errc::not_found;
  });
  return sections;
}

std::vector<std::string> add_sections(const std::vector<SectionAnswer>& sections, Json& object) {
  std::vector<std::string> missing;
  for (const SectionAnswer& section : sections) {
    if (const auto added = add_section(section, object); !added) {
      missing.push_back(section.name() + " is missing: " + added.error().message());
    }
  }
  return missing;
}

}  // namespace weft::cli
