/// Reconfiguring a running node: what restarts, what is told, and what stays untouched.

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "fabric/built_in.hpp"
#include "runtime/config/node_config.hpp"
#include "runtime/control/client.hpp"
#include "runtime/host/node.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;

const std::string zoo = WEFT_BINARY_DIR "/zoo";
constexpr auto patience = 20s;

/// A node on a thread of its own, asked through its control socket as `weft` does.
class ReloadTest : public ::testing::Test {
 protected:
  ReloadTest() {
    std::string pattern = ::testing::TempDir() + "weft-reload-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~ReloadTest() override {
    if (thread_.joinable()) {
      main_->post([this] { node_->request_stop(); });
      thread_.join();
    }
    std::filesystem::remove_all(directory_);
  }

  void write(const std::string& plugins, const std::string& more = "",
             const std::string& host = "") {
    std::ofstream(directory_ + "/weft.toml") << fmt::format(
        "[host]\nplugins = [{}]\nplugin-path = [\"{}\"]\nname = \"::1\"\n"
        "state-directory = \"{}/state\"\nrun-directory = \"{}/run\"\n{}{}",
        plugins, zoo, directory_, directory_, host, more);
  }

  void run() {
    auto config = config::load_node_config(directory_ + "/weft.toml");
    ASSERT_TRUE(config) << config.error().front().to_string();
    NodeOptions options;
    options.stop_deadline = stop_deadline_;
    options.built_in = {fabric::built_in()};
    auto node = Node::create(*std::move(config), main_, options);
    ASSERT_TRUE(node) << node.error().front();
    node_ = *std::move(node);
    ASSERT_TRUE(node_->start());
    thread_ = std::thread([this] {
      outcome_ = node_->run();
      node_->stop();
    });
  }

  Result<std::string> call(std::string_view command, std::string_view params = "") {
    return control::call(directory_ + "/run/weft.sock", command, params, patience);
  }
  std::string text(std::string_view command) {
    const auto answer = call(command);
    return answer ? nlohmann::json::parse(*answer).get<std::string>() : answer.error().message();
  }

  /// "castor restarted started, ... told: twin-follower"
  std::string reload(std::string_view params = "") {
    const auto answer = call("reload", params);
    if (!answer) {
      return answer.error().context;
    }
    const auto parsed = nlohmann::json::parse(*answer);
    std::string line;
    for (const auto& plugin : parsed["plugins"]) {
      line += fmt::format("{} {} {}, ", plugin["name"].get<std::string>(),
                          plugin["action"].get<std::string>(), plugin["state"].get<std::string>());
    }
    return line + "told:" + parsed["told"].dump();
  }
  std::string node_state() {
    return nlohmann::json::parse(call("status").value())["State"].get<std::string>();
  }

  std::string directory_;
  Duration stop_deadline_ = 5s;
  std::shared_ptr<MainLoop> main_ = std::make_shared<MainLoop>();
  std::unique_ptr<Node> node_;
  std::thread thread_;
  Result<> outcome_;
};

TEST_F(ReloadTest, ChangesNothingWhenNothingChanged) {
  write("\"castor\", \"quiet\"");
  run();

  EXPECT_EQ(reload(), "castor kept started, quiet kept started, told:[]");
}

TEST_F(ReloadTest, RestartsOnlyTheChangedPluginAndTellsItsFollower) {
  write("\"castor\", \"twin-follower\", \"quiet\"");
  run();

  write("\"castor\", \"twin-follower\", \"quiet\"", "[plugin.castor]\nname = \"second\"\n");
  EXPECT_EQ(reload(),
            "castor restarted started, twin-follower kept started, quiet kept started, "
            "told:[\"twin-follower\"]");

  EXPECT_EQ(text("follower.seen"), "castor leaving:nobody second");
}

TEST_F(ReloadTest, RestartsWhoeverHoldsOnToTheChangedPlugin) {
  write("\"castor\", \"twin-holder\"");
  run();
  EXPECT_EQ(text("holder.seen"), "castor rotsac") << "/1 and /2 of one interface side by side";

  write("\"castor\", \"twin-holder\"", "[plugin.castor]\nname = \"second\"\n");
  EXPECT_EQ(reload(), "castor restarted started, twin-holder restarted started, told:[]");

  EXPECT_EQ(text("holder.seen"), "second dnoces");
}

TEST_F(ReloadTest, SwapsOneProviderForAnotherByOneLine) {
  write("\"castor\", \"twin-follower\", \"twin-holder\"");
  run();

  write("\"pollux\", \"twin-follower\", \"twin-holder\"", "[plugin.pollux]\nname = \"pollux\"\n");
  EXPECT_EQ(reload(),
            "pollux started started, twin-follower kept started, twin-holder restarted started, "
            "castor stopped stopped, told:[\"twin-follower\"]");

  EXPECT_EQ(text("follower.seen"), "castor leaving:nobody pollux");
  EXPECT_EQ(text("holder.seen"), "pollux xullop");
  EXPECT_EQ(node_state(), "ready");
}

TEST_F(ReloadTest, AddsAndRemovesAProviderThatIsOnlyWanted) {
  write("\"twin-follower\"");
  run();

  write("\"castor\", \"twin-follower\"");
  EXPECT_EQ(reload(),
            "castor started started, twin-follower kept started, "
            "told:[\"twin-follower\"]");
  EXPECT_EQ(text("follower.seen"), "nobody castor");
  write("\"twin-follower\"");
  EXPECT_EQ(reload(),
            "twin-follower kept started, castor stopped stopped, "
            "told:[\"twin-follower\"]");

  EXPECT_EQ(text("follower.seen"), "nobody castor leaving:nobody");
}

TEST_F(ReloadTest, ChangesNothingWhenAnythingIsWrong) {
  write("\"castor\", \"twin-holder\"");
  run();

  write("\"castor\", \"twin-holder\", \"nowhere\"", "[plugin.castor]\nname = \"second\"\n");
  EXPECT_NE(reload().find("nothing was changed\n  cannot find nowhere.so in "), std::string::npos);
  write("\"twin-holder\"");
  EXPECT_NE(reload().find("'twin-holder' requires zoo.twin/1"), std::string::npos);
  write("\"castor\", \"twin-holder\"", "[plugin.castor]\nnmae = \"second\"\n");
  EXPECT_NE(reload().find("weft.toml:8:1: unknown key 'nmae'; did you mean 'name'?"),
            std::string::npos);
  write("\"castor\", \"twin-holder\"", "", "lanes = 3\n");
  EXPECT_NE(reload().find("host.lanes cannot change while the node runs"), std::string::npos);
  write("\"castor\", \"twin-holder\"");
  EXPECT_NE(reload(R"({"plugins":["qiet"]})").find("cannot restart plugin 'qiet'"),
            std::string::npos);
  EXPECT_NE(reload(R"({"plugins":[7]})").find("set plugins to a list of other things than text"),
            std::string::npos);

  EXPECT_EQ(text("holder.seen"), "castor rotsac");
}

TEST_F(ReloadTest, SurvivesANewPluginThatThrowsWhenItIsLoaded) {
  write("\"castor\"");
  run();

  write("\"castor\", \"throws-when-loaded\"");
  EXPECT_NE(reload().find("a static constructor threw"), std::string::npos);

  EXPECT_EQ(node_state(), "ready");
}

TEST_F(ReloadTest, AbandonsAPluginWhoseBlockingWorkNeverEnds) {
  stop_deadline_ = 200ms;
  write("\"hangs-in-blocking\", \"quiet\"");
  run();

  write("\"quiet\"");
  EXPECT_EQ(reload(), "quiet kept started, hangs-in-blocking stopped stopped, told:[]");
  EXPECT_EQ(reload(), "quiet kept started, told:[]");
}

TEST_F(ReloadTest, RefusesAFifoInPlaceOfItsFile) {
  write("\"quiet\"");
  run();

  std::filesystem::remove(directory_ + "/weft.toml");
  ASSERT_EQ(mkfifo((directory_ + "/weft.toml").c_str(), 0600), 0);

  EXPECT_NE(reload().find("it is not a regular file"), std::string::npos);
}

TEST_F(ReloadTest, RefusesAKeyThatWouldOverflowTheStack) {
  write("\"quiet\"");
  run();

  std::string key = "a";
  for (int i = 0; i < 100'000; ++i) {
    key += ".a";
  }
  write("\"quiet\"", key + " = 1\n");

  EXPECT_NE(reload().find("a key has at most 128 dots"), std::string::npos);
}

TEST_F(ReloadTest, FailsAPluginThatMeansAnotherTopicByAKnownName) {
  write("\"ticks\"");
  run();

  write("\"ticks\", \"other-ticks\"");
  EXPECT_EQ(reload(), "ticks kept started, other-ticks started failed, told:[]");

  EXPECT_EQ(node_state(), "degraded");
}

TEST_F(ReloadTest, GoesOnDegradedWhenTheNewInstanceDoesNotStartAndMendsItLater) {
  write("\"castor\", \"twin-holder\", \"twin-follower\"");
  run();

  write("\"castor\", \"twin-holder\", \"twin-follower\"", "[plugin.castor]\nmay-start = false\n");
  EXPECT_EQ(reload(),
            "castor restarted failed, twin-holder restarted configured, "
            "twin-follower kept started, "
            "told:[\"twin-follower\"]");
  EXPECT_EQ(node_state(), "degraded");
  EXPECT_EQ(text("follower.seen"), "castor leaving:nobody");
  write("\"castor\", \"twin-holder\", \"twin-follower\"");
  EXPECT_EQ(reload(),
            "castor restarted started, twin-holder kept started, twin-follower kept started, "
            "told:[\"twin-follower\"]");

  EXPECT_EQ(node_state(), "ready");
  EXPECT_EQ(text("holder.seen"), "castor rotsac");
}

TEST_F(ReloadTest, RestartsAPluginOnRequest) {
  write("\"castor\", \"quiet\"");
  run();

  EXPECT_EQ(reload(R"({"plugins":["quiet"]})"),
            "castor kept started, quiet restarted started, told:[]");
}

TEST_F(ReloadTest, RestartsTheSamePluginAHundredTimes) {
  write("\"castor\", \"twin-follower\", \"twin-holder\"");
  run();

  for (int i = 0; i < 100; ++i) {
    ASSERT_NE(reload(R"({"plugins":["castor"]})").find("castor restarted started"),
              std::string::npos);
  }

  EXPECT_EQ(text("holder.seen"), "castor rotsac");
}

TEST_F(ReloadTest, ReplacesAPluginThatHangsInStopAndSaysSo) {
  stop_deadline_ = 200ms;
  write("\"hangs-in-stop\", \"quiet\"");
  run();

  write("\"quiet\"");
  EXPECT_EQ(reload(), "quiet kept started, hangs-in-stop stopped stopped, told:[]");
}

}  // namespace
}  // namespace weft::host
