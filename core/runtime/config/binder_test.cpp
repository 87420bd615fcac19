/// What a wrong configuration is told: every problem, where it is, and what was probably meant.

#include <gtest/gtest.h>

#include "runtime/config/binder.hpp"
#include "runtime/config/node_config.hpp"

namespace weft::config {
namespace {

struct Gossip {
  std::chrono::milliseconds heartbeat{10'000};
  net::Endpoint listen;
  std::vector<std::string> peers;
  Schema schema;

  Gossip() {
    schema.field("heartbeat", heartbeat, "Help.");
    schema.field("listen", listen, "Help.");
    schema.field("peers", peers, "Help.");
  }
};

std::vector<std::string> bind_text(Gossip& gossip, std::string_view text) {
  const auto table = parse_toml(text, "t.toml");
  if (!table) {
    return {table.error().to_string()};
  }
  std::vector<std::string> texts;
  for (const Problem& problem : bind_table(*table, gossip.schema, "t.toml")) {
    texts.push_back(problem.to_string());
  }
  return texts;
}

TEST(Binder, FillsDeclaredFieldsAndKeepsOtherDefaults) {
  Gossip gossip;

  const auto problems = bind_text(gossip, "listen = '[::]:6783'\npeers = ['a', 'b']\n");

  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(gossip.listen.port, 6783);
  EXPECT_EQ(gossip.peers, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(gossip.heartbeat.count(), 10'000);
}

TEST(Binder, ReportsEveryProblemWithItsPlace) {
  Gossip gossip;

  const auto problems = bind_text(gossip,
                                  "heartbeet = '10s'\n"
                                  "  listen = 'everywhere'\n"
                                  "peers = 7\n"
                                  "zzz = 1\n");

  ASSERT_EQ(problems.size(), 4u);
  EXPECT_EQ(problems[0], "t.toml:1:1: unknown key 'heartbeet'; did you mean 'heartbeat'?");
  EXPECT_EQ(problems[1],
            "t.toml:2:3: cannot set listen = \"everywhere\": want an address and port, like "
            "\"10.0.0.1:6783\" or \"[::]:6783\"");
  EXPECT_EQ(problems[2],
            "t.toml:3:1: cannot set peers = 7: want a list, like [\"first\", \"second\"]");
  EXPECT_EQ(problems[3], "t.toml:4:1: unknown key 'zzz'");
}

TEST(Binder, RefusesTablesWhereValuesBelong) {
  Gossip gossip;

  const auto problems = bind_text(gossip, "[listen]\nport = 1\n[peer]\nx = 1\n");

  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0], "t.toml:1:2: 'listen' is a value, not a table");
  EXPECT_EQ(problems[1], "t.toml:3:2: unknown key 'peer'; did you mean 'peers'?");
}

TEST(Toml, SaysWhereItCannotBeRead) {
  for (const char* text : {"a = ", "a = 1\na = 2", "[a", "a = [1, [2]]", "a = 1979-05-27",
                           "[[a]]\nb = 1", "\xff\xfe = 1"}) {
    const auto table = parse_toml(text, "t.toml");

    ASSERT_FALSE(table) << text;
    EXPECT_TRUE(table.error().to_string().starts_with("t.toml:")) << text;
  }
}

TEST(Toml, ListsAreAsStrictAsOtherValues) {
  const auto refusal = [](const char* text) {
    const auto table = parse_toml(text, "t.toml");
    return table ? "none" : table.error().to_string();
  };
  const std::string fix = "; want strings in quotes";

  EXPECT_EQ(refusal("plugins = [\"gossip\", 5]"),
            "t.toml:1:22: cannot set plugins: item 2 of the list is an integer" + fix);
  EXPECT_EQ(refusal("a = [true]"),
            "t.toml:1:6: cannot set a: item 1 of the list is true or false" + fix);
  EXPECT_EQ(refusal("a = ['x', 2.0]"),
            "t.toml:1:11: cannot set a: item 2 of the list is a number with a fraction" + fix);
  EXPECT_EQ(refusal("a = [[\"x\"]]"),
            "t.toml:1:6: cannot set a: item 1 of the list is a list" + fix);
  EXPECT_EQ(refusal("a = [1979-05-27]"),
            "t.toml:1:6: cannot set a: item 1 of the list is a date or a time" + fix);
  EXPECT_EQ(refusal("a = ['5']"), "none");
}

TEST(Toml, SurvivesDeepNesting) {
  EXPECT_FALSE(parse_toml("a = " + std::string(100'000, '['), "t.toml"));
  EXPECT_FALSE(parse_toml("a = " + std::string(100'000, '{'), "t.toml"));
}

TEST(NodeConfig, HasWorkingDefaults) {
  const auto config = parse_node_config("", "weft.toml");

  ASSERT_TRUE(config);
  EXPECT_EQ(config->host.state_directory, "/var/lib/weft");
  EXPECT_EQ(config->host.control_socket, "/run/weft/weft.sock");
  EXPECT_EQ(config->host.name, unknown_peer);
  EXPECT_TRUE(config->plugins.empty());
}

TEST(NodeConfig, GivesEveryListedPluginATable) {
  const auto config = parse_node_config(
      "[host]\nplugins = ['gossip', 'ipam']\nrun-directory = '/tmp/w'\nlog-level = 'debug'\n"
      "[plugin.gossip]\nlisten = '[::]:6783'\n",
      "weft.toml");

  ASSERT_TRUE(config);
  EXPECT_EQ(config->host.control_socket, "/tmp/w/weft.sock");
  EXPECT_EQ(config->host.log_level, LogLevel::debug);
  ASSERT_EQ(config->plugins.size(), 2u);
  EXPECT_EQ(config->plugins.at("gossip").entries.size(), 1u);
  EXPECT_TRUE(config->plugins.at("ipam").entries.empty());
}

TEST(NodeConfig, RefusesWhatItDoesNotKnow) {
  const auto config = parse_node_config(
      "name = 'x'\n"
      "[hosts]\n"
      "[host]\nplugins = ['gossip', 'gossip', '../evil']\nlanes = 99\nplugin-path = ['here']\n"
      "[plugin.gosip]\n",
      "weft.toml");

  ASSERT_FALSE(config);
  std::string all;
  for (const Problem& problem : config.error()) {
    all += problem.to_string() + "\n";
  }
  EXPECT_EQ(all,
            "weft.toml:1:1: unknown top-level key 'name'\n"
            "weft.toml:2:2: unknown top-level table 'hosts'; did you mean 'host'?\n"
            "weft.toml:4:1: plugin 'gossip' is listed twice\n"
            "weft.toml:4:1: cannot load plugin '../evil': want a name of at most 32 lower-case "
            "letters, digits, '-' and '_'\n"
            "weft.toml:5:1: cannot set lanes = 99: want an integer from 0 to 8\n"
            "weft.toml:6:1: cannot set plugin-path = \"here\": want an absolute path\n"
            "weft.toml:7:9: [plugin.gosip] configures a plugin that is not listed in "
            "host.plugins; did you mean 'gossip'?\n");
}

TEST(NodeConfig, SaysWhichFileIsMissing) {
  const auto config = load_node_config("/nonexistent/weft.toml");

  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().at(0).to_string(),
            "/nonexistent/weft.toml:1:1: cannot read the configuration: No such file or directory");
}

}  // namespace
}  // namespace weft::config
