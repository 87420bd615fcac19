/// weft-plugin-check: the conformance kit for any plugin file. Loads nothing itself.

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "check.hpp"
#include "child.hpp"

namespace weft::conformance {
namespace {

/// The file is good enough to run its code.
constexpr const char* gates[] = {"file.trusted", "file.manifest", "file.stamp"};

struct Line {
  const char* check;
  Outcome outcome;
};

const char* word(Outcome::Status status) {
  switch (status) {
    case Outcome::Status::ok:
      return "ok";
    case Outcome::Status::fail:
      return "FAIL";
    case Outcome::Status::skip:
      return "skip";
  }
  return "unknown";
}

void print(const Line& line) {
  std::printf("%-4s %s: %s\n", word(line.outcome.status), line.check, line.outcome.reason.c_str());
  if (line.outcome.status == Outcome::Status::fail) {
    std::printf("     remedy: %s\n", line.outcome.remedy.c_str());
  }
  std::fflush(stdout);
}

void print_json(const Subject& subject, const std::vector<Line>& lines, bool passed) {
  auto checks = nlohmann::ordered_json::array();
  for (const Line& line : lines) {
    nlohmann::ordered_json one{{"check", line.check},
                               {"status", word(line.outcome.status)},
                               {"reason", line.outcome.reason}};
    if (line.outcome.status == Outcome::Status::fail) {
      one["remedy"] = line.outcome.remedy;
    }
    checks.push_back(std::move(one));
  }
  const nlohmann::ordered_json report{
      {"file", subject.path}, {"passed", passed}, {"checks", std::move(checks)}};
  std::puts(report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
}

bool is_wanted(const Check& check, const std::string& only) {
  const std::string name = check.name;
  return only.empty() || name == only || name.starts_with(only + ".");
}

/// Makes the checks. What only others need is not reported unless it failed.
std::vector<Line> run_checks(Subject& subject, const std::string& only, bool as_json) {
  std::vector<Line> lines;
  const char* refused = nullptr;
  for (const Check& check : all_checks()) {
    const bool is_gate =
        std::ranges::any_of(gates, [&](const char* gate) { return !strcmp(gate, check.name); });
    if (!is_wanted(check, only) && !is_gate) {
      continue;
    }
    Outcome outcome = refused != nullptr && !is_gate
                          ? skipped(std::string("made only after ") + refused + " is ok")
                      : check.runs_plugin ? run_in_child(check, subject)
                                          : check.run(subject);
    const bool has_failed = outcome.status == Outcome::Status::fail;
    if (is_gate && has_failed && refused == nullptr) {
      refused = check.name;
    }
    if (!strcmp(check.name, "file.manifest") && !has_failed) {
      subject.manifest = *host::read_manifest_file(subject.path);
    }
    if (!is_wanted(check, only) && !has_failed) {
      continue;
    }
    lines.push_back({check.name, std::move(outcome)});
    if (!as_json) {
      print(lines.back());
    }
  }
  return lines;
}

}  // namespace
}  // namespace weft::conformance

int main(int argc, char** argv) {
  using namespace weft::conformance;
  CLI::App app{"Checks that a plugin file follows the rules of weft", "weft-plugin-check"};
  Subject subject;
  std::string settings;
  std::string only;
  bool as_json = false;
  std::vector<std::string> names;
  for (const Check& check : all_checks()) {
    const std::string name = check.name;
    names.push_back(name);
    names.push_back(name.substr(0, name.find('.')));
  }
  app.add_option("file", subject.path, "The .so file")->required();
  app.add_flag("--json", as_json, "Machine-readable");
  app.add_option("--cycles", subject.cycles, "Lives in the check life.cycles")
      ->check(CLI::Range(4, 10'000))
      ->capture_default_str();
  app.add_option("--config", settings, "TOML file with the tables [plugin.NAME] to use")
      ->check(CLI::ExistingFile);
  app.add_option("--plugin-path", subject.plugin_path,
                 "Where to look for plugins that it requires, besides its own directory");
  app.add_flag("!--no-masquerade", subject.masquerades,
               "Its weft.nat/1 leaves addresses alone on purpose");
  app.add_option("--only", only, "One check, such as life.cycles, or one group, such as life")
      ->check(CLI::IsMember(names));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (!settings.empty()) {
    std::stringstream text;
    text << std::ifstream(settings).rdbuf();
    subject.settings = text.str();
  }
  subject.path = std::filesystem::absolute(subject.path).lexically_normal().string();
  const std::vector<Line> lines = run_checks(subject, only, as_json);
  const bool passed = std::ranges::none_of(
      lines, [](const Line& line) { return line.outcome.status == Outcome::Status::fail; });
  if (as_json) {
    print_json(subject, lines, passed);
  }
  return passed ? 0 : 1;
}
