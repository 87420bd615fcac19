/// Rules that a reader would otherwise have to check by eye, over the text of the source tree.

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

const fs::path source_root{WEFT_SOURCE_DIR};

/// What plugin control code gets from its Host and must not take itself.
struct Rule {
  std::string name;
  std::regex pattern;
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all{
      {"clock", std::regex(R"((steady|system|high_resolution)_clock::now)"
                           R"(|\b(clock_gettime|gettimeofday)\s*\()")},
      {"random", std::regex(R"(random_device|mt19937|\brandombytes|\bgetrandom\s*\()"
                            R"(|\bcrypto_\w*key(pair|gen)\s*\()")},
      {"socket", std::regex(R"((^|[^\w>])::(socket|accept4?)\s*\(|\bsocket\s*\(\s*[AP]F_)"
                            R"(|boost/asio/ip/)")},
      {"thread", std::regex(R"(std::(jthread|thread|async)\b|pthread_create|sleep_for)"
                            R"(|\b(usleep|nanosleep)\s*\()")},
  };
  return all;
}

/// Where a plugin may break a rule, and why.
struct Exception {
  std::string file;
  std::string rule;
  std::string reason;
};

const std::vector<Exception>& exceptions() {
  static const std::vector<Exception> all{
      {"plugins/odp/netlink_port.cpp", "socket", "misses are read by lanes"},
  };
  return all;
}

bool is_excepted(const std::string& file, const std::string& rule) {
  return std::any_of(exceptions().begin(), exceptions().end(), [&](const Exception& exception) {
    return exception.file == file && exception.rule == rule;
  });
}

/// C++ files under `directory`, relative to the root, sorted.
std::vector<std::string> sources_under(const std::string& directory) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(source_root / directory)) {
    const fs::path& path = entry.path();
    if (path.extension() == ".cpp" || path.extension() == ".hpp") {
      files.push_back(fs::relative(path, source_root).string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

struct Line {
  std::size_t number;
  std::string text;  ///< without a comment at its end
};

std::vector<Line> lines_of(const std::string& file) {
  std::ifstream in(source_root / file);
  std::vector<Line> lines;
  std::string text;
  for (std::size_t number = 1; std::getline(in, text); ++number) {
    lines.push_back({number, text.substr(0, text.find("//"))});
  }
  return lines;
}

/// Test code, and programs of their own such as the CNI executable, are not plugin control code.
bool is_control_code(const std::string& file) {
  return file.find("_test") == std::string::npos && file.find("/testing/") == std::string::npos;
}

TEST(Hygiene, PluginsTakeTimeChanceAndSocketsFromTheirHost) {
  auto files = sources_under("plugins");
  for (const std::string& example : sources_under("sdk/examples")) {
    files.push_back(example);
  }
  for (const std::string& file : files) {
    if (!is_control_code(file)) {
      continue;
    }
    for (const Line& line : lines_of(file)) {
      for (const Rule& rule : rules()) {
        EXPECT_FALSE(std::regex_search(line.text, rule.pattern) && !is_excepted(file, rule.name))
            << file << ":" << line.number << ": a " << rule.name
            << " of its own; use the plugin's Host: " << line.text;
      }
    }
  }
}

TEST(Hygiene, SdkHeadersIncludeNothingHeavy) {
  const std::regex include(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  const std::regex forbidden(R"(^(toml\+\+|nlohmann|spdlog|sqlite3|prometheus|CLI|boost)(/|\.))");
  for (const std::string& file : sources_under("sdk/include")) {
    for (const Line& line : lines_of(file)) {
      std::smatch match;
      if (std::regex_search(line.text, match, include)) {
        const std::string header = match[1];
        EXPECT_TRUE(!std::regex_search(header, forbidden))
            << file << ":" << line.number << ": includes " << header;
      }
    }
  }
}

TEST(Hygiene, OnlyThreeWrappersIncludeTheirLibraries) {
  struct Wrapped {
    std::regex include;
    std::string home;
  };
  const std::array<Wrapped, 3> wrapped{
      {{std::regex(R"(#\s*include\s*<toml)"), "core/runtime/config/"},
       {std::regex(R"(#\s*include\s*<spdlog/)"), "core/runtime/log/"},
       {std::regex(R"(#\s*include\s*<sqlite3)"), "core/runtime/store/"}}};
  for (const char* const directory : {"apps", "core", "plugins", "sdk"}) {
    for (const std::string& file : sources_under(directory)) {
      for (const Line& line : lines_of(file)) {
        for (const Wrapped& library : wrapped) {
          EXPECT_FALSE(std::regex_search(line.text, library.include) &&
                       !file.starts_with(library.home))
              << file << ":" << line.number << ": only " << library.home << " may: " << line.text;
        }
      }
    }
  }
}

TEST(Hygiene, EveryExceptionNamesAFileThatNeedsIt) {
  for (const Exception& exception : exceptions()) {
    const auto lines = lines_of(exception.file);
    const auto rule = std::find_if(rules().begin(), rules().end(),
                                   [&](const Rule& r) { return r.name == exception.rule; });
    ASSERT_NE(rule, rules().end()) << exception.rule;
    EXPECT_TRUE(
        std::any_of(lines.begin(), lines.end(),
                    [&](const Line& line) { return std::regex_search(line.text, rule->pattern); }))
        << exception.file << " no longer has a " << exception.rule << " of its own";
  }
}

}  // namespace
