/// Asks each plugin of the running node what it finds, and writes it down for people.

#include "doctor.hpp"

#include "ask.hpp"
#include "commands.hpp"
#include "console/json.hpp"
#include "console/page.hpp"
#include "console/print.hpp"

namespace weft::cli {

using namespace console;

namespace {

Json check_of(const std::string& plugin, const std::string& name, const char* state,
              const std::string& text, const std::string& remedy) {
  return {
      {"plugin", plugin}, {"check", name}, {"state", state}, {"text", text}, {"remedy", remedy}};
}

/// What the host knows to be wrong.
void add_failed_plugins(const Json& status, Json& checks) {
  for (const Json& plugin : member(status, "Plugins")) {
    if (text_of(plugin, "State") == "failed") {
      const std::string name = text_of(plugin, "Name");
      checks.push_back(check_of(name, "plugin", "wrong", "it failed: " + text_of(plugin, "Reason"),
                                "weft reload " + name));
    }
  }
}

Result<> add_answer(const std::string& plugin, const Result<std::string>& answer, Json& checks) {
  if (!answer) {
    checks.push_back(check_of(plugin, "plugin", "wrong", answer.error().message(), ""));
    return {};
  }
  Json list;
  WEFT_TRY(list, parse_json(*answer, "what '" + plugin + "' found"));
  for (const Json& each : list) {
    checks.push_back(check_of(plugin, text_of(each, "check"), text_of(each, "state").c_str(),
                              text_of(each, "text"), text_of(each, "remedy")));
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> running_plugins(std::string_view status) {
  Json parsed;
  WEFT_TRY(parsed, parse_json(status, "the node's status"));
  std::vector<std::string> names;
  for (const Json& plugin : member(parsed, "Plugins")) {
    if (text_of(plugin, "State") == "started") {
      names.push_back(text_of(plugin, "Name"));
    }
  }
  return names;
}

Result<DoctorPage> render_doctor(std::string_view status,
                                 const std::vector<DoctorAnswer>& answers) {
  Json parsed;
  WEFT_TRY(parsed, parse_json(status, "the node's status"));
  Json checks = Json::array();
  add_failed_plugins(parsed, checks);
  for (const auto& [plugin, answer] : answers) {
    WEFT_TRY(add_answer(plugin, answer, checks));
  }
  Page page;
  bool is_well = true;
  for (const Json& check : checks) {
    const std::string state = text_of(check, "state");
    page.line("{:<5}  {} ({}): {}", state, text_of(check, "check"), text_of(check, "plugin"),
              text_of(check, "text"));
    if (const std::string remedy = text_of(check, "remedy"); !remedy.empty()) {
      page.line("       {}", remedy);
    }
    is_well = is_well && state != "wrong";
  }
  return DoctorPage{page.take(), json_text(checks, 2) + "\n", is_well};
}

Result<std::vector<DoctorAnswer>> ask_doctors(const Options& options, std::string_view status,
                                              std::chrono::seconds patience) {
  std::vector<std::string> plugins;
  WEFT_TRY(plugins, running_plugins(status));
  std::vector<DoctorAnswer> answers;
  for (const std::string& plugin : plugins) {
    auto answer = ask(options, plugin + ".doctor", "", patience);
    if (answer || answer.error().code != Errc::not_found) {
      answers.emplace_back(plugin, std::move(answer));
    }
  }
  return answers;
}

int show_doctor(const Options& options) {
  const auto status = ask(options, "status");
  if (!status) {
    return report_error(status.error());
  }
  const auto page = ask_doctors(options, *status, std::chrono::seconds{10})
                        .and_then([&](const std::vector<DoctorAnswer>& answers) {
                          return render_doctor(*status, answers);
                        });
  if (!page) {
    return report_error(page.error());
  }
  const int printed = print(options.json ? page->json : page->text);
  return printed == exit_ok && page->is_well ? exit_ok : exit_error;
}

}  // namespace weft::cli
