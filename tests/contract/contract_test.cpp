/// Good and bad plugins through the real loader and lifecycle.

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "fabric/built_in.hpp"
#include "runtime/config/node_config.hpp"
#include "runtime/host/check.hpp"
#include "runtime/host/loader.hpp"
#include "runtime/host/node.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

const std::string zoo = WEFT_BINARY_DIR "/zoo";
const std::string plugins = WEFT_BINARY_DIR "/plugins-out";

/// A node's directories, and the configuration that uses them.
class ContractTest : public ::testing::Test {
 protected:
  ContractTest() {
    std::string pattern = ::testing::TempDir() + "weft-contract-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    options_.built_in = {fabric::built_in()};
    options_.start_deadline = 5s;
    options_.stop_deadline = 5s;
  }
  ~ContractTest() override { fs::remove_all(directory_); }

  /// A node of `names`, or every complaint on a line of its own.
  tl::expected<std::unique_ptr<Node>, std::string> create(const std::vector<std::string>& names,
                                                          const std::string& more = "") {
    std::string list;
    for (const std::string& name : names) {
      list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", name);
    }
    auto config = config::parse_node_config(
        fmt::format("[host]\nplugins = [{}]\nplugin-path = [\"{}\", \"{}\", \"{}\"]\n"
                    "state-directory = \"{}/state\"\nrun-directory = \"{}/run\"\n"
                    "name = \"::1\"\nlanes = 1\n{}",
                    list, path_.empty() ? zoo : path_, zoo, plugins, directory_, directory_, more),
        "weft.toml");
    auto node = config ? Node::create(*std::move(config), main_, options_)
                       : tl::unexpected(to_complaints(config.error()));
    if (node) {
      return *std::move(node);
    }
    std::string text;
    for (const std::string& complaint : node.error()) {
      text += complaint + "\n";
    }
    return tl::unexpected(text);
  }

  std::string complaints(const std::vector<std::string>& names, const std::string& more = "") {
    auto node = create(names, more);
    return node ? "none" : node.error();
  }

  static PluginStatus status_of(const Node& node, const std::string& name) {
    for (const PluginStatus& plugin : node.statuses()) {
      if (plugin.manifest.name == name) {
        return plugin;
      }
    }
    return {};
  }

  std::string directory_;
  std::string path_;  ///< searched first
  std::shared_ptr<MainLoop> main_ = std::make_shared<MainLoop>();
  NodeOptions options_;
};

TEST_F(ContractTest, RunsAndStopsGoodPlugins) {
  auto node = create({"hello", "quiet"}, "[plugin.hello]\ngreeting = \"welcome\"\n");
  ASSERT_TRUE(node) << node.error();

  ASSERT_TRUE((*node)->start());
  EXPECT_EQ((*node)->state(), Node::State::ready);
  EXPECT_EQ(status_of(**node, "hello").state, PluginState::started);
  (*node)->stop();

  EXPECT_EQ(status_of(**node, "hello").state, PluginState::stopped);
}

TEST_F(ContractTest, ReportsEveryConfigurationMistakeBeforeAnythingStarts) {
  EXPECT_EQ(complaints({"hello", "quiet"},
                       "[plugin.hello]\ngreting = \"x\"\n[plugin.quiet]\nvolume = 11\n"),
            "weft.toml:9:1: unknown key 'greting'; did you mean 'greeting'?\n"
            "weft.toml:11:1: unknown key 'volume'\n");
}

TEST_F(ContractTest, SaysWhereItLookedForAMissingFile) {
  const std::string text = complaints({"nowhere"});

  EXPECT_NE(text.find("cannot find nowhere.so in "), std::string::npos) << text;
  EXPECT_NE(text.find("host.plugin-path"), std::string::npos) << text;
}

TEST_F(ContractTest, RefusesFilesByTheirManifest) {
  EXPECT_NE(complaints({"garbage"}).find("it does not begin with the format, abi and sdk lines"),
            std::string::npos);
  EXPECT_NE(complaints({"wrong-sdk"}).find("rebuild it against weft-sdk 0.1"), std::string::npos);
  EXPECT_NE(complaints({"wrong-stamp"}).find("\"gcc3;cxx11abi=0\" in a host built as \"gcc"),
            std::string::npos);
}

TEST_F(ContractTest, RefusesEntriesThatAreMissingOrLie) {
  EXPECT_NE(complaints({"no-symbol"}).find("does not export 'weft_plugin'; use WEFT_PLUGIN"),
            std::string::npos);
  EXPECT_NE(complaints({"lying-entry"}).find("\"gcc3;cxx11abi=0\""), std::string::npos);
}

TEST_F(ContractTest, RefusesATruncatedFile) {
  fs::copy_file(zoo + "/quiet.so", directory_ + "/quiet.so");
  fs::resize_file(directory_ + "/quiet.so", fs::file_size(directory_ + "/quiet.so") / 2);
  path_ = directory_;

  EXPECT_NE(complaints({"quiet"}).find("it lies outside the file"), std::string::npos);
}

TEST_F(ContractTest, RefusesWhatOthersCouldHaveWritten) {
  fs::create_directory(directory_ + "/p");
  path_ = directory_ + "/p";
  fs::copy_file(zoo + "/quiet.so", path_ + "/quiet.so");

  ASSERT_EQ(chmod((path_ + "/quiet.so").c_str(), 0666), 0);
  EXPECT_NE(complaints({"quiet"}).find("its mode 0666 lets others write to it"), std::string::npos);

  ASSERT_EQ(chmod((path_ + "/quiet.so").c_str(), 0644), 0);
  ASSERT_EQ(chmod(path_.c_str(), 01777), 0);
  EXPECT_NE(complaints({"quiet"}).find("its mode 1777 lets others write to it"), std::string::npos);

  ASSERT_EQ(chmod(path_.c_str(), 0755), 0);
  EXPECT_EQ(complaints({"quiet"}), "none");
}

TEST_F(ContractTest, ExplainsImpossibleSetsOfPlugins) {
  EXPECT_NE(complaints({"cycle-a", "cycle-b"}).find("cycle-a -> cycle-b -> cycle-a"),
            std::string::npos);
  EXPECT_NE(complaints({"twin-a", "twin-b"}).find("'twin-a' and 'twin-b' both provide zoo.twin/1"),
            std::string::npos);
  EXPECT_NE(complaints({"orphan"}).find("'orphan' requires zoo.absent/1"), std::string::npos);
}

TEST_F(ContractTest, ReportsExceptionsBeforeTheStart) {
  EXPECT_NE(complaints({"throws-in-constructor"})
                .find("'throws-in-constructor': cannot construct "
                      "the plugin: no legs"),
            std::string::npos);
  EXPECT_NE(complaints({"throws-in-describe"}).find("it threw: no words"), std::string::npos);
}

TEST_F(ContractTest, RefusesBeforeTheStartWhatAPluginFindsWrongAsAWhole) {
  EXPECT_NE(complaints({"quiet", "refuses-its-configuration"})
                .find("[plugin.refuses-its-configuration]: cannot use 'food': it needs some"),
            std::string::npos);
}

TEST_F(ContractTest, GoesOnDegradedWithoutAPluginThatDoesNotStart) {
  auto node = create({"throws-in-start", "refuses-to-start", "quiet"});
  ASSERT_TRUE(node) << node.error();

  ASSERT_TRUE((*node)->start());

  EXPECT_EQ((*node)->state(), Node::State::degraded);
  EXPECT_NE(status_of(**node, "throws-in-start").reason.find("it threw: no breath"),
            std::string::npos);
  EXPECT_EQ(status_of(**node, "refuses-to-start").reason, "cannot wake up: denied");
  EXPECT_EQ(status_of(**node, "quiet").state, PluginState::started);
}

/// This thread, and those that it makes, without one capability.
class WithoutCapability {
 public:
  explicit WithoutCapability(unsigned bit) {
    ::syscall(SYS_capget, &header_, sets_.data());
    auto fewer = sets_;
    fewer.at(bit / 32).effective &= ~(1U << bit % 32);
    ::syscall(SYS_capset, &header_, fewer.data());
  }
  ~WithoutCapability() { ::syscall(SYS_capset, &header_, sets_.data()); }
  WithoutCapability(const WithoutCapability&) = delete;
  WithoutCapability& operator=(const WithoutCapability&) = delete;

 private:
  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets_{};
};

TEST_F(ContractTest, NamesTheCapabilityThatAPluginLacks) {
  const WithoutCapability weak{CAP_NET_ADMIN};
  auto node = create({"lacks-rights"});
  ASSERT_TRUE(node) << node.error();

  ASSERT_TRUE((*node)->start());

  EXPECT_EQ(
      status_of(**node, "lacks-rights").reason,
      "cannot move the mountain: Operation not permitted, as weftd lacks CAP_NET_ADMIN: run it "
      "with that (AmbientCapabilities= in the unit) or as root");
}

TEST_F(ContractTest, WhatRequiresAFailedPluginWaitsForIt) {
  auto node = create({"dependent", "failing"});
  ASSERT_TRUE(node) << node.error();

  ASSERT_TRUE((*node)->start());

  EXPECT_EQ(status_of(**node, "dependent").state, PluginState::configured);
  EXPECT_EQ(status_of(**node, "dependent").reason,
            "it waits for zoo.failing/1 of plugin 'failing', which failed");
}

TEST_F(ContractTest, EndsWhenACriticalPluginDoesNotStart) {
  auto node = create({"quiet", "critical-start"});
  ASSERT_TRUE(node) << node.error();

  const auto started = (*node)->start();
  (*node)->stop();

  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message(),
            "cannot start plugin 'critical-start': cannot wake up: denied");
  EXPECT_EQ(status_of(**node, "quiet").state, PluginState::stopped);
}

TEST_F(ContractTest, AnExceptionInAHandlerFailsThatPluginOnly) {
  auto node = create({"throws-in-handler", "quiet"});
  ASSERT_TRUE(node) << node.error();
  ASSERT_TRUE((*node)->start());

  ASSERT_TRUE(main_->run_until(
      [&] { return status_of(**node, "throws-in-handler").state == PluginState::failed; },
      MainLoop::now() + 10s));
  (*node)->request_stop();
  ASSERT_TRUE((*node)->run());

  EXPECT_NE(status_of(**node, "throws-in-handler").reason.find("tripped"), std::string::npos);
  EXPECT_EQ(status_of(**node, "quiet").state, PluginState::started);
}

TEST_F(ContractTest, EndsWhenACriticalPluginFailsLater) {
  auto node = create({"critical-handler"});
  ASSERT_TRUE(node) << node.error();

  auto outcome = (*node)->start();
  if (outcome) {
    outcome = (*node)->run();
  }

  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().context.find("tripped"), std::string::npos);
}

TEST_F(ContractTest, AbandonsAPluginThatHangsInStart) {
  options_.start_deadline = options_.stop_deadline = 200ms;
  auto node = create({"hangs-in-start", "quiet"});
  ASSERT_TRUE(node) << node.error();

  ASSERT_TRUE((*node)->start());
  EXPECT_EQ(status_of(**node, "hangs-in-start").state, PluginState::starting);
  EXPECT_EQ(status_of(**node, "hangs-in-start").reason,
            "it did not start within 0.2 s (busy with 'start')");
  (*node)->stop();

  EXPECT_EQ(status_of(**node, "hangs-in-start").reason,
            "it did not stop within 0.2 s (busy with 'start'); its thread is abandoned");
  EXPECT_EQ(status_of(**node, "quiet").state, PluginState::stopped);
}

/// A plugin that waits at a gate when it starts.
class LateStartTest : public ContractTest {
 protected:
  LateStartTest() {
    options_.start_deadline = 200ms;
    mkfifo(gate_.c_str(), 0600);
  }

  /// Runs `node` until `is_done`.
  void run(Node& node, const std::function<bool()>& is_done) {
    const TimePoint deadline = MainLoop::now() + 10s;
    const auto watching = main_->every(10ms, [&] {
      if (is_done() || MainLoop::now() > deadline) {
        node.request_stop();
      }
    });
    EXPECT_TRUE(node.run());
  }

  const std::string gate_ = directory_ + "/gate";
};

TEST_F(LateStartTest, TakesInAPluginThatStartsAfterItsDeadlineAndWhatWaitsForIt) {
  auto node = create({"castor", "twin-holder", "twin-follower"},
                     fmt::format("[plugin.castor]\ngate = \"{}\"\n", gate_));
  ASSERT_TRUE(node) << node.error();

  ASSERT_TRUE((*node)->start());
  EXPECT_EQ((*node)->state(), Node::State::degraded);
  EXPECT_EQ(status_of(**node, "castor").state, PluginState::starting);
  EXPECT_EQ(status_of(**node, "twin-holder").reason,
            "it waits for zoo.twin/1 of plugin 'castor', which has not started yet");
  EXPECT_EQ(status_of(**node, "twin-follower").state, PluginState::started);
  const std::ofstream opened(gate_);
  run(**node, [&] { return (*node)->state() == Node::State::ready; });

  EXPECT_EQ((*node)->state(), Node::State::ready);
  EXPECT_EQ(status_of(**node, "castor").reason, "");
  EXPECT_EQ(status_of(**node, "twin-holder").state, PluginState::started);
}

TEST_F(LateStartTest, WhatRequiresAPluginThatFailsAfterItsDeadlineGoesOnWaiting) {
  auto node = create({"castor", "twin-holder"},
                     fmt::format("[plugin.castor]\ngate = \"{}\"\nmay-start = false\n", gate_));
  ASSERT_TRUE(node) << node.error();

  ASSERT_TRUE((*node)->start());
  const std::ofstream opened(gate_);
  run(**node, [&] { return status_of(**node, "castor").state == PluginState::failed; });

  EXPECT_EQ((*node)->state(), Node::State::degraded);
  EXPECT_EQ(status_of(**node, "castor").reason, "cannot wake up: denied");
  EXPECT_EQ(status_of(**node, "twin-holder").reason,
            "it waits for zoo.twin/1 of plugin 'castor', which failed");
}

TEST_F(ContractTest, AbandonsAPluginThatHangsInStop) {
  options_.stop_deadline = 200ms;
  auto node = create({"hangs-in-stop", "quiet"});
  ASSERT_TRUE(node) << node.error();
  ASSERT_TRUE((*node)->start());

  (*node)->stop();

  EXPECT_EQ(status_of(**node, "hangs-in-stop").state, PluginState::failed);
  EXPECT_EQ(status_of(**node, "quiet").state, PluginState::stopped);
}

TEST_F(ContractTest, AbandonsAPluginThatHangsInAHandler) {
  options_.stop_deadline = 200ms;
  auto node = create({"hangs-in-handler", "quiet"});
  ASSERT_TRUE(node) << node.error();
  ASSERT_TRUE((*node)->start());

  (*node)->stop();

  EXPECT_NE(status_of(**node, "hangs-in-handler").reason.find("it did not stop within 0.2 s"),
            std::string::npos)
      << status_of(**node, "hangs-in-handler").reason;
  EXPECT_EQ(status_of(**node, "quiet").state, PluginState::stopped);
}

TEST_F(ContractTest, OutlivesWhatPluginsForgetToEnd) {
  auto node = create({"leaks-thread", "leaks-descriptor", "holds-subscription", "holds-command"});
  ASSERT_TRUE(node) << node.error();
  ASSERT_TRUE((*node)->start());

  (*node)->stop();

  for (const PluginStatus& plugin : (*node)->statuses()) {
    EXPECT_EQ(plugin.state, PluginState::stopped) << plugin.manifest.name << ": " << plugin.reason;
  }
}

TEST_F(ContractTest, SurvivesATimerAndAWatchLeftBehind) {
  auto node = create({"leaves-timer", "leaves-watch"});
  ASSERT_TRUE(node) << node.error();
  ASSERT_TRUE((*node)->start());

  (*node)->stop();

  EXPECT_EQ(status_of(**node, "leaves-timer").state, PluginState::stopped);
  EXPECT_EQ(status_of(**node, "leaves-watch").state, PluginState::stopped);
}

TEST(Tools, DescribeAPluginsFields) {
  const auto fields = plugin_fields(plugins + "/hello.so");

  ASSERT_TRUE(fields) << fields.error().message();
  ASSERT_EQ(fields->size(), 1u);
  EXPECT_EQ(fields->front().name, "greeting");
  EXPECT_EQ(fields->front().default_value, "\"hello\"");
}

TEST(Tools, ListPluginsWithoutRunningThem) {
  const auto found = list_plugins({zoo, "/nonexistent"});

  EXPECT_GT(found.size(), 10u);
  EXPECT_EQ(std::ranges::count_if(found, [](const auto& f) { return !f.manifest; }), 1);
}

}  // namespace
}  // namespace weft::host
