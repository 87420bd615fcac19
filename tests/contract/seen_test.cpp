/// What an operator sees with the `weft` command, of a node that runs and of plugin files.

#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

namespace {

using Json = nlohmann::json;

const std::string build = WEFT_BINARY_DIR;
const std::string weft = build + "/bin/weft";

struct Output {
  int exit_code = -1;
  std::string text;  ///< standard output and error

  [[nodiscard]] Json json() const { return Json::parse(text, nullptr, false); }
};

/// Runs a command line of ours through the shell.
Output run(const std::string& command) {
  Output output;
  FILE* const pipe = popen(("(" + command + ") 2>&1").c_str(), "r");
  std::array<char, 4096> part{};
  std::size_t got = 0;
  while ((got = std::fread(part.data(), 1, part.size(), pipe)) > 0) {
    output.text.append(part.data(), got);
  }
  const int status = pclose(pipe);
  output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return output;
}

class Directory {
 public:
  Directory() {
    std::string pattern = ::testing::TempDir() + "weft-seen-XXXXXX";
    path = mkdtemp(pattern.data());
  }
  ~Directory() { std::filesystem::remove_all(path); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  std::string path;
};

/// A weftd of its own, in a directory of its own.
class NodeTest : public ::testing::Test {
 protected:
  /// Starts the node with these fields of [host] and what follows, and waits until `arguments` of
  /// weft print `text`.
  void run_node(const std::string& config_text, const std::string& arguments,
                const std::string& text) {
    std::ofstream(directory_.path + "/weft.toml")
        << fmt::format("[host]\nstate-directory = \"{0}/state\"\nrun-directory = \"{0}/run\"\n{1}",
                       directory_.path, config_text);
    const std::string program = build + "/bin/weftd";
    const std::string config = directory_.path + "/weft.toml";
    const std::string log = directory_.path + "/log";
    child_ = fork();
    if (child_ == 0) {
      std::freopen(log.c_str(), "w", stderr);
      execl(program.c_str(), "weftd", "--config", config.c_str(), nullptr);
      _exit(127);
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (ask(arguments).text.find(text) == std::string::npos) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << ask("status").text;
    }
  }
  void TearDown() override {
    kill(child_, SIGTERM);
    waitpid(child_, nullptr, 0);
  }

  Output ask(const std::string& arguments) {
    return run(weft + " --socket " + directory_.path + "/run/weft.sock " + arguments);
  }

  Directory directory_;
  pid_t child_ = -1;
};

/// A node with one plugin that publishes "zoo.tick/1" all the time.
class RunningNodeTest : public NodeTest {
 protected:
  void SetUp() override {
    run_node(
        fmt::format("plugins = [\"ticks\"]\nplugin-path = [\"{}/zoo\"]\nname = \"::1\"\n", build),
        "bus topics", "zoo.tick/1");
  }
};

/// A node of a cluster that has no other yet.
class MeshNodeTest : public NodeTest {
 protected:
  void SetUp() override {
    run_node(fmt::format("plugins = [\"gossip\", \"ipam\", \"sleeve\"]\n"
                         "plugin-path = [\"{}/plugins-out\"]\n"
                         "name = \"02:00:00:00:99:01\"\nnickname = \"node1\"\n"
                         "listen = \"127.0.0.1:27399\"\n"
                         "[plugin.ipam]\nrange = \"10.32.0.0/24\"\ninit = \"consensus=3\"\n",
                         build),
             "report -f .Ready", "true");
  }
};

TEST_F(RunningNodeTest, TapShowsEachEventWithItsTimePublisherKeyTraceAndText) {
  const Output tapped = ask("bus tap 'zoo.tick/*' --count 3 --json");
  ASSERT_EQ(tapped.exit_code, 0) << tapped.text;

  std::istringstream lines(tapped.text);
  std::string line;
  std::vector<Json> events;
  while (std::getline(lines, line)) {
    events.push_back(Json::parse(line, nullptr, false));
  }

  ASSERT_EQ(events.size(), 3u) << tapped.text;
  EXPECT_EQ(events[0]["publisher"], "ticks");
  EXPECT_EQ(events[0]["topic"], "zoo.tick/1");
  EXPECT_EQ(events[0]["kind"], "state");
  EXPECT_GT(events[1]["event"]["number"], events[0]["event"]["number"]);
  EXPECT_EQ(events[0]["key"], "7");
  EXPECT_EQ(events[0]["text"].get<std::string>().substr(0, 5), "tick ");
  EXPECT_NE(events[0]["trace"], events[1]["trace"]);
  EXPECT_EQ(events[0]["time"].get<std::string>().back(), 'Z');
  EXPECT_NE(ask("bus tap zoo.tick/1 --count 1").text.find("Z ticks zoo.tick/1 trace="),
            std::string::npos);
}

TEST_F(RunningNodeTest, TapSaysWhichTopicsNobodyUsesAsYet) {
  const Output tapped = ask("bus tap zoo.tock/1 zoo.tick/1 --count 1");

  EXPECT_EQ(tapped.exit_code, 0);
  EXPECT_NE(tapped.text.find("subscribed to 'zoo.tock/1' as yet"), std::string::npos)
      << tapped.text;
  EXPECT_EQ(tapped.text.find("'zoo.tick/1' as yet"), std::string::npos) << tapped.text;
}

TEST_F(RunningNodeTest, ListsItsCommandsForPeopleAndPrograms) {
  const Json commands = ask("commands --json").json();
  const auto follow = std::ranges::find_if(
      commands, [](const Json& command) { return command["name"] == "bus.follow"; });

  ASSERT_NE(follow, commands.end()) << commands;
  EXPECT_EQ((*follow)["parameters"][0]["name"], "topics");
  EXPECT_NE(ask("commands").text.find("  topics (list of string, required): "), std::string::npos);
}

TEST_F(RunningNodeTest, TopicsShowHowEachReaderKeepsUp) {
  (void)ask("bus tap zoo.tick/1 --count 2");  // so that some were delivered

  const Json topics = ask("bus topics --json").json();
  const auto found = std::ranges::find_if(
      topics, [](const Json& topic) { return topic["topic"] == "zoo.tick/1"; });
  ASSERT_NE(found, topics.end());
  const Json& topic = *found;

  EXPECT_EQ(topic["kind"], "state");
  EXPECT_EQ(topic["subscribers"].size(), 1u) << topic;
  EXPECT_GT(topic["subscribers"][0]["delivered"], 0);
  EXPECT_GT(topic["subscribers"][0]["latency-p50-seconds"], 0);
  EXPECT_NE(ask("bus topics").text.find("-> ticks: "), std::string::npos);
}

TEST_F(RunningNodeTest, LanesAndMetricsAreThereForPeopleAndPrograms) {
  const Json lane = ask("lanes --json").json().at(0);
  EXPECT_EQ(lane["lane"], 0);
  EXPECT_LE(lane["busy-share"], 1.0);
  EXPECT_EQ(ask("lanes").text.substr(0, 10), "LANE TASKS");

  const Json metrics = ask("metrics --json").json();
  const auto published = std::ranges::find_if(metrics, [](const Json& metric) {
    return metric["name"] == "weft_bus_published_total" &&
           metric["labels"]["topic"] == "zoo.tick/1";
  });
  ASSERT_NE(published, metrics.end());
  EXPECT_GT((*published)["value"], 0);
  EXPECT_NE(ask("metrics").text.find("weft_bus_latency_seconds_bucket{subscriber=\"ticks\""),
            std::string::npos);
}

TEST_F(RunningNodeTest, ALineLoggedByAHandlerNamesItsTrace) {
  (void)ask("bus tap zoo.tick/1 --count 2");
  std::ifstream log(directory_.path + "/log");
  const std::string text{std::istreambuf_iterator<char>(log), {}};

  EXPECT_NE(text.find("ticks: first tick heard trace="), std::string::npos) << text;
}

TEST_F(MeshNodeTest, TheReportHasTheOriginalsFieldsInItsOrder) {
  const Output whole = ask("report");
  ASSERT_EQ(whole.exit_code, 0) << whole.text;
  const auto report = nlohmann::ordered_json::parse(whole.text, nullptr, false);
  const auto keys = [](const nlohmann::ordered_json& object) {
    std::string text;
    for (const auto& [key, value] : object.items()) {
      text += key + " ";
    }
    return text;
  };

  EXPECT_EQ(keys(report), "Ready Version VersionCheck Router IPAM ");
  EXPECT_EQ(keys(report["Router"]),
            "Protocol ProtocolMinVersion ProtocolMaxVersion Encryption PeerDiscovery Name NickName "
            "Port Peers UnicastRoutes BroadcastRoutes Connections TerminationCount Targets "
            "OverlayDiagnostics TrustedSubnets Interface CaptureStats MACs ");
  EXPECT_EQ(keys(report["Router"]["Peers"][0]), "Name NickName UID ShortID Version Connections ");
  EXPECT_EQ(keys(report["IPAM"]),
            "Paxos Range RangeNumIPs ActiveIPs DefaultSubnet Entries PendingClaims "
            "PendingAllocates ");
  EXPECT_EQ(keys(report["Router"]["OverlayDiagnostics"]), "sleeve ");
  EXPECT_EQ(report["Router"]["Interface"], "no overlay bridge");
  EXPECT_EQ(report["Router"]["UnicastRoutes"][0]["Dest"], "02:00:00:00:99:01");
  EXPECT_TRUE(report["Router"]["Port"].is_number());
  EXPECT_TRUE(report["Router"]["MACs"].is_null());
  EXPECT_EQ(report["IPAM"]["RangeNumIPs"], 256);
}

TEST_F(MeshNodeTest, TheReportTakesPathsAndTemplates) {
  EXPECT_EQ(ask("report -f .Router.Peers[*].Name").text, "02:00:00:00:99:01\n");
  EXPECT_EQ(ask("report --format '{{.Router.NickName}} {{json .Router.Targets}}'").text,
            "node1 null\n");
  EXPECT_EQ(ask("report -f '{{range .Router.Peers}}{{.Name}}{{\"\\n\"}}{{end}}'").text,
            "02:00:00:00:99:01\n");

  const Output wrong = ask("report -f '{{.Router.Nmae}}'");
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_EQ(
      wrong.text.find("weft: cannot use the format: column 10: there is no 'Nmae' in an object "
                      "of Protocol, "),
      0u)
      << wrong.text;
}

/// A node of weft's plugins and one that weft does not know.
class StrangerTest : public NodeTest {
 protected:
  void SetUp() override {
    run_node(fmt::format("plugins = [\"gossip\", \"sleeve\", \"shows-itself\"]\n"
                         "plugin-path = [\"{0}/plugins-out\", \"{0}/zoo\"]\n"
                         "name = \"02:00:00:00:99:01\"\nnickname = \"node1\"\n"
                         "listen = \"127.0.0.1:27401\"\n",
                         build),
             "report -f .Ready", "true");
  }
};

TEST_F(StrangerTest, ShowsItselfInTheReport) {
  const Output animals = ask("report -f .Zoo.Animals[*]");
  EXPECT_EQ(animals.text.substr(0, 16), "peacock\n\\x1b[2J\n") << animals.text;

  EXPECT_EQ(ask("report -f '{{json .Router.OverlayDiagnostics}}' 2>/dev/null").text,
            "{\"feathers\":{\"Eyes\":200},\"sleeve\":null}\n");
  EXPECT_EQ(ask("report -f .Router.Name 2>/dev/null").text, "02:00:00:00:99:01\n");
}

TEST_F(StrangerTest, ShowsItselfInTheStatusAndInPages) {
  const std::string animals = "        Animals: peacock\\x1b[2J\\nforged\n";

  const std::string status = ask("status").text;
  EXPECT_NE(status.find("\n\n        Service: router\n"), std::string::npos) << status;
  EXPECT_TRUE(status.ends_with("\n\n" + animals)) << status;
  EXPECT_EQ(ask("status --json").json()["Zoo"]["Animals"], 1);
  EXPECT_EQ(ask("status zoo").text, animals);
  EXPECT_EQ(ask("status zoo --json").json()["Animals"], 1);
  EXPECT_EQ(ask("status peers").text, "02:00:00:00:99:01(node1)\n" + animals);
  EXPECT_EQ(ask("status peers --json").json()[0]["NickName"], "node1");
}

TEST_F(StrangerTest, APageThatNobodyServesIsAnErrorThatNamesThoseOfTheNode) {
  const Output unknown = ask("status pears");

  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_EQ(unknown.text.substr(0, unknown.text.find(": not")),
            "weft: cannot show page 'pears' of the status; this node has connections, peers, "
            "targets, zoo")
      << unknown.text;
}

TEST_F(StrangerTest, IsNamedWhenItDoesNotAnswer) {
  const Output status = ask("status");
  EXPECT_EQ(status.exit_code, 1);
  EXPECT_NE(status.text.find("\n\n        Missing: Mute: cannot get an answer: "),
            std::string::npos)
      << status.text;

  const Output report = ask("report 2>&1 >/dev/null");

  EXPECT_EQ(report.exit_code, 1);
  EXPECT_EQ(report.text.substr(0, 23), "weft: Mute is missing: ") << report.text;
}

TEST(PluginFiles, TheDefaultConfigurationOfAllPluginsPassesItsOwnCheck) {
  const Directory directory;
  const std::string file = directory.path + "/weft.toml";

  const Output written =
      run(weft + " config defaults --plugin-path " + build + "/plugins-out >" + file);
  ASSERT_EQ(written.exit_code, 0) << written.text;

  const Output checked = run(weft + " config check " + file);
  EXPECT_EQ(checked.exit_code, 0) << checked.text;
}

TEST(PluginFiles, TheCheckNamesTheFieldOfABufferThatNoSocketCanHave) {
  const Directory directory;
  const std::string file = directory.path + "/weft.toml";
  for (const char* const size : {"4TiB", "1B"}) {
    run(weft + " config defaults --plugin-path " + build +
        "/plugins-out | sed 's/^#receive-buffer = .*/receive-buffer = \"" + size + "\"/' >" + file);

    const Output checked = run(weft + " config check " + file);

    EXPECT_EQ(checked.exit_code, 1);
    EXPECT_NE(checked.text.find("use 'receive-buffer': a socket's buffer is from 64KiB to 512MiB"),
              std::string::npos)
        << checked.text;
  }
}

TEST(PluginFiles, OfTwoProvidersOfOneInterfaceTheDefaultsListTheFirst) {
  const Output text =
      run(weft + " config defaults " + build + "/zoo/twin-a.so " + build + "/zoo/twin-b.so");

  EXPECT_NE(text.text.find("plugins = [\"twin-a\"]"), std::string::npos) << text.text;
  EXPECT_NE(text.text.find("#[plugin.twin-b]"), std::string::npos) << text.text;
}

TEST(PluginFiles, TheGraphShowsStartOrderAndWhoProvidesWhat) {
  const std::string files = build + "/zoo/dependent.so " + build + "/zoo/failing.so";

  const Json graph = run(weft + " plugin graph --json " + files).json();
  ASSERT_EQ(graph.size(), 2u);
  EXPECT_EQ(graph[0]["name"], "failing");
  EXPECT_EQ(graph[1]["requires"][0]["providers"][0], "failing");
  EXPECT_NE(run(weft + " plugin graph --dot " + files)
                .text.find("\"dependent\" -> \"failing\" [label=\"zoo.failing/1\"];"),
            std::string::npos);
  EXPECT_NE(run(weft + " plugin graph " + files).text.find("requires zoo.failing/1 from failing"),
            std::string::npos);
}

TEST(PluginFiles, AGraphThatCannotStartIsAnErrorThatNamesTheCycle) {
  const Output graph =
      run(weft + " plugin graph " + build + "/zoo/cycle-a.so " + build + "/zoo/cycle-b.so");

  EXPECT_EQ(graph.exit_code, 1);
  EXPECT_NE(graph.text.find("cycle-a -> cycle-b -> cycle-a"), std::string::npos) << graph.text;
}

}  // namespace
