/// Commands of other programs. Each start replaces a process that the test made for it.

#include "other_program.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::ExitedWithCode;

/// As main gets them.
class Words {
 public:
  Words(std::initializer_list<std::string> words) : words_(words) {
    for (std::string& word : words_) {
      pointers_.push_back(word.data());
    }
  }
  operator std::span<char* const>() { return pointers_; }  // NOLINT(google-explicit-constructor)

 private:
  std::vector<std::string> words_;
  std::vector<char*> pointers_;
};

class OtherProgramTest : public ::testing::Test {
 protected:
  OtherProgramTest() {
    fs::create_directories(beside_);
    fs::create_directories(in_path_);
    ::setenv("PATH", (in_path_.string() + ":" + path_).c_str(), 1);
  }
  ~OtherProgramTest() override {
    ::setenv("PATH", path_.c_str(), 1);
    fs::remove_all(root_);
  }

  static void write(const fs::path& file, const std::string& script) {
    std::ofstream(file) << "#!/bin/sh\n" << script;
    fs::permissions(file, fs::perms::owner_all);
  }
  /// Ends as the program does that `words` name.
  [[noreturn]] void start(Words words) const {
    const auto command = named_command(words);
    std::_Exit(command ? start_other_program(beside_, *command, {"status", "lab"}) : 99);
  }

  fs::path root_ = fs::temp_directory_path() / ("weft-other-program-" + std::to_string(::getpid()));
  fs::path beside_ = root_ / "bin";
  fs::path in_path_ = root_ / "elsewhere";
  std::string path_ = std::getenv("PATH");
};

TEST_F(OtherProgramTest, GetsTheArgumentsAndItsExitCodeIsOurs) {
  write(beside_ / "weft-greet", R"(printf '<%s>' "$@" "$GREETING" >&2; exit 7)");
  ::setenv("GREETING", "hello", 1);

  EXPECT_EXIT(start({"weft", "greet", "--help", "", "a b", "--", "-c"}), ExitedWithCode(7),
              "^<--help><><a b><--><-c><hello>$");
}

TEST_F(OtherProgramTest, IsSoughtBesideWeftAndThenInPath) {
  write(in_path_ / "weft-greet", "exit 8");
  EXPECT_EXIT(start({"weft", "greet"}), ExitedWithCode(8), "");

  write(beside_ / "weft-greet", "exit 9");
  EXPECT_EXIT(start({"weft", "greet"}), ExitedWithCode(9), "");
}

TEST_F(OtherProgramTest, GetsTheSocketInItsEnvironment) {
  write(beside_ / "weft-greet", R"(echo "$WEFT_SOCKET" >&2)");

  EXPECT_EXIT(start({"weft", "--socket", "/one", "greet"}), ExitedWithCode(0), "^/one\n$");
  EXPECT_EXIT(start({"weft", "--socket=/two", "greet"}), ExitedWithCode(0), "^/two\n$");
}

TEST_F(OtherProgramTest, WhatIsNowhereIsOneLineAndAUsageError) {
  EXPECT_EXIT(start({"weft", "greet"}), ExitedWithCode(2),
              "^[^\n]*has no command[^\n]*weft-greet[^\n]*\n$");
  EXPECT_EXIT(start({"weft", "../bin/weft"}), ExitedWithCode(2), "^[^\n]*has no command[^\n]*\n$");
}

TEST_F(OtherProgramTest, AProgramOfOursThatIsNotInstalledIsNamedWithItsComponent) {
  ::setenv("PATH", in_path_.c_str(), 1);

  EXPECT_EXIT(start({"weft", "lab", "up"}), ExitedWithCode(2),
              "^[^\n]*weft-lab[^\n]*install[^\n]*--component lab[^\n]*\n$");
}

TEST_F(OtherProgramTest, WhatCannotRunSaysWhy) {
  std::ofstream(in_path_ / "weft-greet") << "not executable";

  EXPECT_EXIT(start({"weft", "greet"}), ExitedWithCode(1), "run 'weft-greet'.*Permission denied");
}

TEST(NamedCommand, IsNoneWhereWeftItselfMustAnswer) {
  EXPECT_FALSE(named_command(Words{"weft"}));
  EXPECT_FALSE(named_command(Words{"weft", "--help"}));
  EXPECT_FALSE(named_command(Words{"weft", "--help-all", "lab"}));
  EXPECT_FALSE(named_command(Words{"weft", "--socket"}));
  EXPECT_FALSE(named_command(Words{"weft", "--socket", "/one"}));
}

}  // namespace
}  // namespace weft::cli
