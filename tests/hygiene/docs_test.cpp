/// The files that pages name exist.

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

const fs::path source_root{WEFT_SOURCE_DIR};

/// Every file and directory of the source tree, relative to the root, without what is built or
/// git's.
const std::set<std::string>& tree() {
  static const std::set<std::string> all = [] {
    std::set<std::string> found;
    for (auto at = fs::recursive_directory_iterator(source_root);
         at != fs::recursive_directory_iterator(); ++at) {
      const std::string path = fs::relative(at->path(), source_root).string();
      if (path == "build" || path.front() == '.') {
        at.disable_recursion_pending();
      } else {
        found.insert(path);
      }
    }
    return found;
  }();
  return all;
}

bool exists(const std::string& path) {
  return std::ranges::any_of(std::array{"", ".hpp", ".cpp"}, [&](const char* extension) {
    return tree().contains(path + extension);
  });
}

/// Somewhere below a directory, as in `heartbeat.hpp`.
bool exists_somewhere(const std::string& name) {
  return std::ranges::any_of(
      tree(), [&](const std::string& path) { return path == name || path.ends_with("/" + name); });
}

struct Line {
  std::size_t number;
  std::string text;
};

std::vector<Line> lines_of(const std::string& file) {
  std::ifstream in(source_root / file);
  std::vector<Line> lines;
  std::string text;
  for (std::size_t number = 1; std::getline(in, text); ++number) {
    lines.push_back({number, text});
  }
  return lines;
}

/// Pages that we write: decisions are of their day and stay as they are.
std::vector<std::string> pages() {
  std::vector<std::string> found;
  std::ranges::copy_if(tree(), std::back_inserter(found), [](const std::string& path) {
    return path.ends_with(".md") && !path.starts_with("docs/decisions/");
  });
  return found;
}

/// The groups of every match.
std::vector<std::string> find_all(const std::string& text, const std::regex& pattern) {
  std::vector<std::string> found;
  for (auto at = std::sregex_iterator(text.begin(), text.end(), pattern);
       at != std::sregex_iterator(); ++at) {
    found.push_back(at->str(1));
  }
  return found;
}

TEST(Docs, NameDirectoriesAndFilesThatExist) {
  static const std::regex path(
      R"(`((?:apps|core|plugins|sdk|tests|scripts|docs|cmake)/[\w./-]*\w)(?:/?`| ))");
  static const std::regex file(R"(`(\w[\w./-]*\.(?:hpp|cpp))`)");
  for (const std::string& page : pages()) {
    // What the tutorial has its reader write is not here.
    const bool is_tutorial = page == "docs/plugin/tutorial.md";
    for (const Line& line : lines_of(page)) {
      for (const std::string& name : find_all(line.text, path)) {
        EXPECT_TRUE(exists(name)) << page << ":" << line.number << ": there is no " << name;
      }
      for (const std::string& name : find_all(line.text, file)) {
        EXPECT_TRUE(is_tutorial || exists_somewhere(name))
            << page << ":" << line.number << ": there is no " << name;
      }
    }
  }
}

TEST(Docs, LinkToPagesThatExist) {
  static const std::regex link(R"(\]\(([^)#:\s]+\.md)[^)]*\))");
  for (const std::string& page : pages()) {
    for (const Line& line : lines_of(page)) {
      for (const std::string& target : find_all(line.text, link)) {
        const fs::path linked = fs::path(page).parent_path() / target;
        EXPECT_TRUE(exists(linked.lexically_normal().string()))
            << page << ":" << line.number << ": there is no " << target;
      }
    }
  }
}

/// The names in the first column of a plugin's list of files: an indented block, `name  meaning`,
/// or a table headed `file`.
std::vector<std::string> listed_files(const std::vector<Line>& lines) {
  static const std::regex indented(R"(^ {4}(\w+) {2,}\S.*)");
  static const std::regex row(R"(^\| (`\w+`(?:, `\w+`)*) \|.*)");
  static const std::regex quoted(R"(`(\w+)`)");
  std::vector<std::string> names;
  bool is_file_table = false;
  for (const Line& line : lines) {
    std::smatch match;
    is_file_table = line.text.starts_with("| file |") || (is_file_table && line.text[0] == '|');
    if (std::regex_match(line.text, match, indented)) {
      names.push_back(match[1]);
    } else if (is_file_table && std::regex_match(line.text, match, row)) {
      std::ranges::copy(find_all(match[1], quoted), std::back_inserter(names));
    }
  }
  return names;
}

TEST(Docs, PluginsListFilesThatTheyHave) {
  std::size_t lists = 0;
  for (const std::string& page : pages()) {
    if (!page.starts_with("plugins/")) {
      continue;
    }
    const auto lines = lines_of(page);
    std::vector<std::string> homes{fs::path(page).parent_path().string()};
    static const std::regex common(R"(`(plugins/common/\w+)`)");
    for (const Line& line : lines) {
      std::ranges::copy(find_all(line.text, common), std::back_inserter(homes));
    }
    const auto names = listed_files(lines);
    lists += names.empty() ? 0 : 1;
    for (const std::string& name : names) {
      EXPECT_TRUE(std::ranges::any_of(
          homes, [&](const std::string& home) { return exists(home + "/" + name); }))
          << page << ": there is no file " << name;
    }
  }
  EXPECT_GE(lists, 5u);
}

}  // namespace
