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
            "t.toml:2:3: cannot set listen = \"everywhere\": want an IP address and a port of at "
            "most 65535, like \"10.0.0.1:6783\" or \"[::]:6783\"");
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
  for (const char* text : {"a = ", "a = 1\na = 2", "[a", "\xff\xfe = 1"}) {
    const auto table = parse_toml(text, "t.toml");

    ASSERT_FALSE(table) << text;
    EXPECT_TRUE(table.error().to_string().starts_with("t.toml:")) << text;
  }
}

TEST(Binder, ListsAreAsStrictAsOtherValues) {
  const auto refusal = [](const std::string& list) {
    Gossip gossip;
    const auto problems = bind_text(gossip, "peers = " + list + "\n");
    return problems.size() == 1 ? problems[0] : "none";
  };
  const std::string fix = "; want strings in quotes";

  EXPECT_EQ(refusal("[\"gossip\", 5]"),
            "t.toml:1:20: cannot set peers: item 2 of the list is an integer" + fix);
  EXPECT_EQ(refusal("[true]"),
            "t.toml:1:10: cannot set peers: item 1 of the list is true or false" + fix);
  EXPECT_EQ(refusal("['x', 2.0]"),
            "t.toml:1:15: cannot set peers: item 2 of the list is a number with a fraction" + fix);
  EXPECT_EQ(refusal("[[\"x\"]]"),
            "t.toml:1:10: cannot set peers: item 1 of the list is a list" + fix);
  EXPECT_EQ(refusal("[1979-05-27]"),
            "t.toml:1:10: cannot set peers: item 1 of the list is a date or a time" + fix);
  EXPECT_EQ(refusal("['5']"), "none");
}

/// Quotes around what is in the list would not help.
TEST(Binder, AdviceAboutAValueThatFitsNowhereIsThatOfItsField) {
  Gossip gossip;

  const auto problems =
      bind_text(gossip, "heartbeat = [2]\nlisten = 07:00:00\npeers = 1979-05-27\nzzz = [1]\n");

  ASSERT_EQ(problems.size(), 4u);
  EXPECT_EQ(problems[0], "t.toml:1:14: cannot set heartbeat to a list: want one value: duration");
  EXPECT_EQ(problems[1],
            "t.toml:2:10: cannot set listen to a date or a time: want one value: endpoint");
  EXPECT_EQ(problems[2], "t.toml:3:9: cannot set peers to a date or a time: want a list of string");
  EXPECT_EQ(problems[3], "t.toml:4:1: unknown key 'zzz'");
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

TEST(NodeConfig, RefusesANicknameThatDrivesATerminalOrFillsAPageAndNoPort) {
  const auto refusal = [](const std::string& line) {
    const auto config = parse_node_config("[host]\n" + line + "\n", "weft.toml");
    return config ? "none" : config.error().at(0).to_string();
  };
  EXPECT_EQ(refusal("nickname = \"a\\nb\""),
            "weft.toml:2:1: cannot set nickname = \"a\\nb\": want text without control characters");
  EXPECT_EQ(refusal("nickname = \"\\u001b[2J\""),
            "weft.toml:2:1: cannot set nickname = \"\\x1b[2J\": want text without control "
            "characters");
  EXPECT_EQ(refusal("nickname = '" + std::string(256, 'n') + "'"),
            "weft.toml:2:1: cannot set nickname to 256 bytes: want 255 at most");
  EXPECT_EQ(refusal("nickname = '" + std::string(255, 'n') + "'"), "none");
  EXPECT_EQ(refusal("nickname = 'Küche 3'"), "none");
  EXPECT_EQ(refusal("listen = '[::]:0'"),
            "weft.toml:2:1: cannot set listen = \"[::]:0\": want a port from 1 to 65535");
}

TEST(NodeConfig, AKnownTableThatIsWrittenAsAValueIsNotCalledUnknown) {
  const auto config = parse_node_config("host = 5\nplugin = ['gossip']\nhots = 1\n", "weft.toml");

  ASSERT_FALSE(config);
  ASSERT_EQ(config.error().size(), 3u);
  EXPECT_EQ(config.error()[0].to_string(),
            "weft.toml:1:1: 'host' is a table, not a value: want [host] on a line of its own");
  EXPECT_EQ(
      config.error()[1].to_string(),
      "weft.toml:2:1: 'plugin' is a table, not a value: want [plugin.NAME] on a line of its own");
  EXPECT_EQ(config.error()[2].to_string(),
            "weft.toml:3:1: unknown top-level key 'hots'; did you mean 'host'?");
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
