/// The fewest restarts for a changed configuration.

#include "runtime/host/reload_plan.hpp"

#include <gtest/gtest.h>

namespace weft::host {
namespace {

using Action = ReloadStep::Action;

/// A node of three: "app" holds on to what "base" provides, "guest" only follows it.
class ReloadPlanTest : public ::testing::Test {
 protected:
  ReloadPlanTest() {
    base_.name = "base";
    base_.provides = {"test.base/1"};
    app_.name = "app";
    app_.provides = {"test.app/1"};
    app_.required = {"test.base/1"};
    guest_.name = "guest";
    guest_.wants = {"test.base/1"};
    now_ = parse("plugins = [\"base\", \"app\", \"guest\"]");
  }

  static config::NodeConfig parse(const std::string& host, const std::string& tables = "") {
    auto config = config::parse_node_config("[host]\n" + host + "\n" + tables, "weft.toml");
    WEFT_CHECK(config, "the test's configuration is sound");
    return *std::move(config);
  }

  /// "base restarted, app kept, ..."
  std::string plan(const config::NodeConfig& next, std::set<std::string> forced = {}) {
    const auto pins = [](std::string_view wanted) {
      return [wanted](std::string_view service) { return service == wanted; };
    };
    std::vector<RunningPlugin> running;
    running.push_back({&base_, &now_.plugins.at("base"), base_has_failed_, pins("")});
    running.push_back({&app_, &now_.plugins.at("app"), false, pins("test.base/1")});
    running.push_back({&guest_, &now_.plugins.at("guest"), false, pins("")});
    plan_ = plan_reload(running, next, added_, forced);
    std::string text;
    for (const ReloadStep& step : plan_.steps) {
      text += (text.empty() ? "" : ", ") + step.name + " " + std::string(to_string(step.action));
    }
    return text;
  }

  Manifest base_;
  Manifest app_;
  Manifest guest_;
  config::NodeConfig now_;
  bool base_has_failed_ = false;
  std::map<std::string, Manifest> added_;
  ReloadPlan plan_;
};

TEST_F(ReloadPlanTest, ChangesNothingForTheSameValuesInAnotherOrder) {
  now_ = parse("plugins = [\"base\", \"app\", \"guest\"]", "[plugin.base]\nx = 1\ny = \"z\"\n");

  EXPECT_EQ(plan(parse("plugins = [\"base\", \"app\", \"guest\"]",
                       "# a comment\n[plugin.base]\ny = \"z\"\nx = 1\n")),
            "base kept, app kept, guest kept");
  EXPECT_FALSE(plan_.changes_anything());
}

TEST_F(ReloadPlanTest, RestartsAChangedPluginAndWhoeverHoldsOnToItButNoFollower) {
  EXPECT_EQ(plan(parse("plugins = [\"base\", \"app\", \"guest\"]", "[plugin.base]\nx = 1\n")),
            "base restarted, app restarted, guest kept");
  EXPECT_EQ(plan_.find("base")->reason, "its configuration changed");
  EXPECT_EQ(plan_.find("app")->reason, "it uses test.base/1, whose provider changes");
  EXPECT_EQ(plan_.services, (std::set<std::string>{"test.app/1", "test.base/1"}));
}

TEST_F(ReloadPlanTest, LeavesAloneWhatAChangedPluginUses) {
  EXPECT_EQ(plan(parse("plugins = [\"base\", \"app\", \"guest\"]", "[plugin.app]\nx = 1\n")),
            "base kept, app restarted, guest kept");
}

TEST_F(ReloadPlanTest, SwapsOneProviderForAnother) {
  Manifest other;
  other.name = "other";
  other.provides = {"test.base/1"};
  added_["other"] = other;

  EXPECT_EQ(plan(parse("plugins = [\"other\", \"app\", \"guest\"]")),
            "other started, app restarted, guest kept, base stopped");
}

TEST_F(ReloadPlanTest, TriesAFailedPluginAgain) {
  base_has_failed_ = true;

  EXPECT_EQ(plan(now_), "base restarted, app restarted, guest kept");
  EXPECT_EQ(plan_.find("base")->reason, "it had failed");
}

TEST_F(ReloadPlanTest, AProviderThatRunsAgainRestartsOnlyWhoeverHoldsOnToItsServices) {
  const auto pins = [](std::string_view service) { return service == "test.base/1"; };
  const auto pins_nothing = [](std::string_view) { return false; };
  const std::vector<RunningPlugin> running{{&base_, nullptr, true, pins_nothing},
                                           {&app_, nullptr, false, pins},
                                           {&guest_, nullptr, false, pins_nothing}};

  const ReloadPlan failed_before_it_provided = plan_restarts(running, {{"base", "in use"}}, {});
  const ReloadPlan runs = plan_restarts(running, {}, {"test.base/1"});

  EXPECT_EQ(failed_before_it_provided.find("base")->action, Action::restart);
  EXPECT_EQ(failed_before_it_provided.find("app")->action, Action::keep);
  EXPECT_EQ(runs.find("base")->action, Action::keep);
  EXPECT_EQ(runs.find("app")->action, Action::restart);
  EXPECT_EQ(runs.find("guest")->action, Action::keep);
}

TEST_F(ReloadPlanTest, RestartsWhatItIsAskedTo) {
  EXPECT_EQ(plan(now_, {"guest"}), "base kept, app kept, guest restarted");
}

TEST(FixedHostChanges, NamesWhatNeedsARestart) {
  config::HostConfig now;
  config::HostConfig next;
  next.lanes = 2;
  next.log_level = LogLevel::debug;
  next.plugin_path = {"/elsewhere"};

  EXPECT_EQ(fixed_host_changes(now, next),
            std::vector<std::string>{"host.lanes cannot change while the node runs: undo it, or "
                                     "restart weftd"});
}

}  // namespace
}  // namespace weft::host
