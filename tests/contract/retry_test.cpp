/// Plugins that failed start again when what they need is there, and so does what waits for them.

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
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

/// A node whose plugin castor needs a file, on a thread of its own.
class RetryTest : public ::testing::Test {
 protected:
  RetryTest() {
    std::string pattern = ::testing::TempDir() + "weft-retry-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~RetryTest() override {
    if (thread_.joinable()) {
      main_->post([this] { node_->request_stop(); });
      thread_.join();
    }
    std::filesystem::remove_all(directory_);
  }

  void run(const std::string& plugins) {
    auto config = config::parse_node_config(
        fmt::format("[host]\nplugins = [{}]\nplugin-path = [\"{}\"]\nname = \"::1\"\n"
                    "state-directory = \"{}/state\"\nrun-directory = \"{}/run\"\n"
                    "[plugin.castor]\nneeds = \"{}\"\n",
                    plugins, zoo, directory_, directory_, food()),
        "weft.toml");
    ASSERT_TRUE(config) << config.error().front().to_string();
    NodeOptions options;
    options.built_in = {fabric::built_in()};
    options.on_change = [this](bool, const std::string&) {
      const std::lock_guard lock(mutex_);
      changed_.notify_all();
    };
    auto node = Node::create(*std::move(config), main_, std::move(options));
    ASSERT_TRUE(node) << node.error().front();
    node_ = *std::move(node);
    ASSERT_TRUE(node_->start());
    thread_ = std::thread([this] {
      outcome_ = node_->run();
      node_->stop();
    });
  }
  [[nodiscard]] std::string food() const { return directory_ + "/food"; }
  void feed() { std::ofstream(food()) << "fish"; }

  Result<std::string> call(std::string_view command, std::string_view params = "") {
    return control::call(directory_ + "/run/weft.sock", command, params, 20s);
  }
  std::string text(std::string_view command) {
    const auto answer = call(command);
    return answer ? nlohmann::json::parse(*answer).get<std::string>() : answer.error().message();
  }
  std::string reason(const std::string& plugin) {
    const auto node = nlohmann::json::parse(call("status").value());
    for (const auto& status : node["Plugins"]) {
      if (status["Name"] == plugin) {
        return status["Reason"].get<std::string>();
      }
    }
    return "no such plugin";
  }
  [[nodiscard]] bool reaches(Node::State state) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return node_->state() == state; });
  }

  std::string directory_;
  std::shared_ptr<MainLoop> main_ = std::make_shared<MainLoop>();
  std::unique_ptr<Node> node_;
  std::thread thread_;
  Result<> outcome_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

TEST_F(RetryTest, APluginStartsAgainOnceWhatItNeedsIsThereAndSoDoesWhatRequiresIt) {
  run("\"castor\", \"twin-holder\", \"twin-follower\"");
  EXPECT_EQ(node_->state(), Node::State::degraded);
  EXPECT_NE(reason("castor").find("No such file or directory; next attempt in "), std::string::npos)
      << reason("castor");
  EXPECT_EQ(reason("twin-holder"), "it waits for zoo.twin/1 of plugin 'castor', which failed");

  feed();
  ASSERT_TRUE(reaches(Node::State::ready));

  EXPECT_EQ(reason("castor"), "");
  EXPECT_EQ(text("holder.seen"), "castor rotsac");
  EXPECT_EQ(text("follower.seen"), "nobody castor");
}

TEST_F(RetryTest, APluginThatFailsWhileItRunsStartsAgainAndItsUsersWithIt) {
  feed();
  run("\"castor\", \"twin-holder\", \"twin-follower\"");
  ASSERT_EQ(node_->state(), Node::State::ready);
  std::filesystem::remove(food());

  ASSERT_TRUE(call("twin.fail"));
  ASSERT_TRUE(reaches(Node::State::degraded));
  EXPECT_NE(reason("castor").find("; next attempt in "), std::string::npos) << reason("castor");
  feed();
  ASSERT_TRUE(reaches(Node::State::ready));

  EXPECT_EQ(text("holder.seen"), "castor rotsac") << "a new instance with the new provider";
  EXPECT_TRUE(text("follower.seen").ends_with("nobody castor")) << text("follower.seen");
}

TEST_F(RetryTest, ANodeIsDegradedWhileAPluginIsInTrouble) {
  feed();
  run("\"castor\"");
  ASSERT_EQ(node_->state(), Node::State::ready);

  ASSERT_TRUE(call("twin.trouble", R"({"reason":"no fish"})"));
  ASSERT_TRUE(reaches(Node::State::degraded));
  const auto status = nlohmann::json::parse(call("status").value());
  EXPECT_EQ(status["Troubles"].dump(), R"([{"Reason":"no fish","Source":"twin"}])");

  ASSERT_TRUE(call("twin.trouble", "{}"));
  EXPECT_TRUE(reaches(Node::State::ready));
}

TEST_F(RetryTest, AnAttemptThatFailsRestartsNobody) {
  run("\"castor\", \"twin-follower\", \"ticks\"");
  const std::string before = reason("castor").substr(0, reason("castor").find(';'));

  // The second attempt ended: the wait before the third is the longest so far.
  const TimePoint deadline = MainLoop::now() + 20s;
  while (reason("castor") != before + "; next attempt in 4 s" && MainLoop::now() < deadline) {
  }

  EXPECT_EQ(reason("castor"), before + "; next attempt in 4 s");
  EXPECT_EQ(text("follower.seen"), "nobody") << "it was told of nothing";
  EXPECT_EQ(node_->state(), Node::State::degraded);
}

}  // namespace
}  // namespace weft::host
