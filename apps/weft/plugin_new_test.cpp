/// Names, templates and directories of new plugins.

#include "plugin_new.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

TEST(PluginName, HasAFormForEveryUse) {
  const auto name = parse_plugin_name("peer-log").value();

  EXPECT_EQ(name.scope, "peer_log_plugin");
  EXPECT_EQ(name.type, "PeerLog");
}

TEST(PluginName, RefusesWhatIsNoName) {
  for (const char* const name : {"", "weft", "plugin", "test", "Peer", "2fast", "-x", "x-", "a b",
                                 "../x", "ä", "a123456789012345678901234567890123"}) {
    EXPECT_EQ(parse_plugin_name(name).error().code, Errc::invalid) << name;
  }
}

TEST(FillTemplate, ReplacesEveryFormOfTheWord) {
  EXPECT_EQ(
      fill_template("my-plugin my_plugin::MyPlugin", "my-plugin", parse_plugin_name("new").value()),
      "new new_plugin::New");
}

/// The templates as they stand in the tree.
class WritePluginTest : public ::testing::Test {
 protected:
  WritePluginTest() { EXPECT_NE(mkdtemp(directory_.data()), nullptr); }
  ~WritePluginTest() override { fs::remove_all(directory_); }

  Result<> write(const PluginKind& kind, const std::string& to) {
    return write_plugin(parse_plugin_name("peer-log").value(), kind, WEFT_SOURCE_DIR "/sdk", to);
  }

  std::string directory_ = ::testing::TempDir() + "weft-new-XXXXXX";
};

TEST_F(WritePluginTest, WritesEveryKindWithoutLeftoversOfItsTemplate) {
  for (const PluginKind& kind : plugin_kinds()) {
    const fs::path to = fs::path(directory_) / kind.name;
    ASSERT_TRUE(write(kind, to.string())) << kind.name;

    for (const char* const file :
         {"plugin.toml", "plugin.cpp", "CMakeLists.txt", "README.md", ".ci/run"}) {
      EXPECT_TRUE(fs::exists(to / file)) << kind.name << " " << file;
    }
    for (const auto& entry : fs::recursive_directory_iterator(to)) {
      if (!entry.is_regular_file()) {
        continue;
      }
      std::ifstream in(entry.path());
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      for (const std::string_view word : {"my-plugin", "my_plugin", "MyPlugin"}) {
        EXPECT_EQ(text.find(word), std::string::npos) << entry.path();
        EXPECT_EQ(entry.path().filename().string().find(word), std::string::npos);
      }
      EXPECT_EQ(text.find(kind.word), std::string::npos) << entry.path();
    }
  }
}

TEST_F(WritePluginTest, LinksTheLibraryOfTheKind) {
  const auto overlay = std::ranges::find(plugin_kinds(), "overlay", &PluginKind::name);
  ASSERT_TRUE(write(*overlay, directory_));

  std::ifstream in(directory_ + "/CMakeLists.txt");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_NE(text.find("SOURCES ${sources} LIBRARIES weft::overlay)"), std::string::npos) << text;
}

TEST_F(WritePluginTest, LeavesADirectoryAloneThatIsNotEmpty) {
  std::ofstream(directory_ + "/mine") << "precious";

  EXPECT_EQ(write(plugin_kinds().front(), directory_).error().code, Errc::conflict);
  EXPECT_FALSE(fs::exists(directory_ + "/plugin.toml"));
}

}  // namespace
}  // namespace weft::cli
