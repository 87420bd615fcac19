/// Advice names commands that exist: what sources and pages quote as `weft COMMAND` is in the help
/// of weft, of which docs/reference has a copy that another test compares with the program.

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

const fs::path source_root{WEFT_SOURCE_DIR};

/// Commands and the subcommands of each.
using Commands = std::map<std::string, std::set<std::string>>;

/// From a page of the reference, which has what `--help-all` prints.
Commands commands_of(const std::string& page) {
  static const std::regex command(R"(^([a-z][\w-]*)$)");
  static const std::regex subcommand(R"(^    ([a-z][\w-]*)(?: .*)?$)");
  std::ifstream help(source_root / "docs/reference" / page);
  Commands commands;
  std::string current;
  bool lists_subcommands = false;
  for (std::string line; std::getline(help, line);) {
    std::smatch match;
    if (std::regex_match(line, match, command)) {
      current = match[1];
      commands[current];
      lists_subcommands = false;
    } else if (line.starts_with("  ") && line[2] != ' ') {
      lists_subcommands = line == "  Subcommands:";
    } else if (lists_subcommands && !current.empty() && std::regex_match(line, match, subcommand)) {
      commands[current].insert(match[1]);
    }
  }
  return commands;
}

/// The pages of `weft status`, which our plugins serve.
std::set<std::string> pages_of_status() {
  static const std::regex page(R"(^## page\.([a-z-]+)$)");
  std::ifstream control(source_root / "docs/reference/control.md");
  std::set<std::string> pages;
  for (std::string line; std::getline(control, line);) {
    if (std::smatch match; std::regex_match(line, match, page)) {
      pages.insert(match[1]);
    }
  }
  return pages;
}

/// Those of weft, and of `weft lab`, which is a program of its own.
Commands known_commands() {
  Commands commands = commands_of("weft.md");
  commands["status"] = pages_of_status();
  for (const auto& [name, subcommands] : commands_of("weft-lab.md")) {
    commands["lab"].insert(name);
  }
  return commands;
}

/// What is wrong with the words after "weft"; empty: nothing.
std::string fault_of(const std::string& words, const Commands& commands) {
  std::istringstream in(words);
  std::string name;
  std::string next;
  in >> name >> next;
  const auto found = commands.find(name);
  if (found == commands.end()) {
    return "weft has no command '" + name + "'";
  }
  static const std::regex word(R"([a-z][a-z-]*)");
  if (found->second.empty() || !std::regex_match(next, word) || found->second.contains(next)) {
    return "";
  }
  return "weft " + name + " has no command '" + next + "'";
}

std::vector<fs::path> texts() {
  std::vector<fs::path> found{source_root / "README.md"};
  for (const char* const directory : {"core", "plugins", "sdk", "docs"}) {
    for (const auto& entry : fs::recursive_directory_iterator(source_root / directory)) {
      const std::string extension = entry.path().extension();
      if (extension == ".cpp" || extension == ".hpp" || extension == ".md" ||
          extension == ".toml") {
        found.push_back(entry.path());
      }
    }
  }
  return found;
}

TEST(Advice, NamesCommandsThatExist) {
  static const std::regex quoted(R"(['`]weft ([a-z][a-z -]*[a-z]))");
  const Commands commands = known_commands();
  ASSERT_TRUE(commands.contains("doctor") && commands.at("status").contains("peers") &&
              commands.at("lab").contains("up"));
  std::size_t mentions = 0;
  for (const fs::path& file : texts()) {
    std::ifstream in(file);
    std::size_t number = 0;
    for (std::string line; std::getline(in, line);) {
      ++number;
      for (auto at = std::sregex_iterator(line.begin(), line.end(), quoted);
           at != std::sregex_iterator(); ++at) {
        ++mentions;
        EXPECT_EQ(fault_of(at->str(1), commands), "") << file << ":" << number;
      }
    }
  }
  EXPECT_GE(mentions, 50u);
}

/// weft shows what plugins serve, whoever wrote them. What acts on addresses is a command of the
/// service weft.ipam/2, and has a file of its own.
TEST(Commands, WeftNamesNoPluginsOfOurs) {
  std::string names;
  for (const auto& entry : fs::directory_iterator(source_root / "plugins")) {
    if (fs::exists(entry.path() / "plugin.toml")) {
      names += (names.empty() ? "" : "|") + entry.path().filename().string();
    }
  }
  ASSERT_NE(names.find("gossip"), std::string::npos);
  const std::regex command("\"(?:(?:" + names +
                           R"(|dataplane|nat)[."]|mesh\.(?!connect"|forget")))");
  for (const char* const named : {R"("gossip.x")", R"("nat-nft")", R"("mesh.status")"}) {
    EXPECT_TRUE(std::regex_search(named, command)) << named;
  }
  for (const auto& entry : fs::directory_iterator(source_root / "apps/weft")) {
    const std::string file = entry.path().filename();
    if (file.ends_with("_test.cpp") || file.starts_with("address_") || file == "plugin_new.cpp") {
      continue;
    }
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      EXPECT_FALSE(std::regex_search(line, command))
          << file << ": " << line << "\nserve it by the plugin: see docs/plugin/pages.md";
    }
  }
}

/// In what people read, a command has its program with it.
TEST(Advice, NamesTheProgramWithTheCommand) {
  const Commands commands = known_commands();
  static const std::regex bare(R"((?:use|run|try) ['`]([a-z][a-z-]*)[ '`])");
  for (const fs::path& file : texts()) {
    if (file.extension() == ".md" || file.string().ends_with("_test.cpp")) {
      continue;
    }
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
      std::smatch match;
      EXPECT_FALSE(std::regex_search(line, match, bare) && commands.contains(match[1]))
          << file << ": " << line;
    }
  }
}

TEST(Advice, IsFoundWrong) {
  const Commands commands{{"status", {"peers"}}, {"reload", {}}};
  EXPECT_EQ(fault_of("rmpeer", commands), "weft has no command 'rmpeer'");
  EXPECT_EQ(fault_of("status pears", commands), "weft status has no command 'pears'");
  EXPECT_EQ(fault_of("status peers", commands), "");
  EXPECT_EQ(fault_of("status --json", commands), "");
  EXPECT_EQ(fault_of("reload gossip", commands), "");
}

}  // namespace
