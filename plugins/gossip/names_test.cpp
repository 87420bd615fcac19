/// Peers given by name: in a simulated world, whose DNS answers late, otherwise, or not at all.

#include "gossip/names.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "gossip/testing/sim_mesh.hpp"

namespace weft::gossip {
namespace {

using namespace std::chrono_literals;

class NamesTest : public ::testing::Test {
 protected:
  /// Node `number` with these peers and no others.
  SimNode& add(std::uint64_t number, std::vector<std::string> peers) {
    SimNode::Options options;
    options.settings = {{"peers", std::move(peers)}};
    return mesh_.add_as(number, number, std::move(options));
  }
  void name(std::string host, std::vector<std::uint64_t> numbers) {
    std::vector<net::IpAddress> addresses;
    for (const std::uint64_t number : numbers) {
      addresses.push_back(SimMesh::address(number));
    }
    mesh_.world.network().add_name(std::move(host), std::move(addresses));
  }
  static std::size_t logged(SimNode& node, LogLevel level, std::string_view message) {
    const auto& lines = node.host().log_lines();
    return static_cast<std::size_t>(std::ranges::count_if(
        lines, [&](const auto& line) { return line.level == level && line.message == message; }));
  }
  static bool contains(const Result<std::string>& text, std::string_view part) {
    return text && text->find(part) != std::string::npos;
  }

  SimMesh mesh_;
};

TEST_F(NamesTest, AreLookedUpUntilTheyAreFound) {
  add(1, {});
  add(2, {"later.example"});
  mesh_.world.run_for(20s);

  name("later.example", {1});

  EXPECT_TRUE(mesh_.converge(20s));
}

TEST_F(NamesTest, AreLookedUpOneAtATimeAndLessOftenWhileTheyFail) {
  add(1, {"no.example:6783", "no.example:6784"});
  mesh_.world.network().delay_names(40s);  // what getaddrinfo takes when DNS is silent

  mesh_.world.run_for(20min);

  const std::size_t lookups = mesh_.world.network().lookups("no.example");
  EXPECT_GE(lookups, 11u) << "one in 40 s, with pauses of at most 66 s between them";
  EXPECT_LE(lookups, 16u);
}

TEST_F(NamesTest, OneWarningWhenANameFailsAndOneLineWhenItIsFoundAgain) {
  add(1, {});
  SimNode& node = add(2, {"node1.example"});

  mesh_.world.run_for(10min);
  EXPECT_EQ(logged(node, LogLevel::warn, "peer's name not found, will try again"), 1u);
  name("node1.example", {1});
  ASSERT_TRUE(mesh_.converge(70s));
  mesh_.world.run_for(10min);

  EXPECT_EQ(logged(node, LogLevel::info, "peer's name is found again"), 1u);
  EXPECT_EQ(logged(node, LogLevel::warn, "peer's name not found, will try again"), 1u);
  name("node1.example", {});
  mesh_.world.run_for(10min);
  EXPECT_EQ(logged(node, LogLevel::warn, "peer's name not found, will try again"), 2u);
  EXPECT_EQ(node.neighbours(), 1u) << "what was known of the name stays";
}

TEST_F(NamesTest, ASilentServerIsWarnedOfBeforeTheLookupEnds) {
  mesh_.world.network().delay_names(40s);
  SimNode& node = add(1, {"node2.example"});

  mesh_.world.run_for(6s);

  EXPECT_EQ(logged(node, LogLevel::warn, "peer's name not found, will try again"), 1u);
  EXPECT_TRUE(contains(node.host().call("mesh.direct-peers"), "no answer within 5 s"));
}

TEST_F(NamesTest, ALateAnswerCounts) {
  add(1, {});
  mesh_.world.network().delay_names(40s);
  name("node1.example", {1});
  add(2, {"node1.example"});

  EXPECT_TRUE(mesh_.converge(45s));
}

TEST_F(NamesTest, EveryAddressOfANameIsTried) {
  add(3, {});
  name("all.example", {8, 3, 9});  // nobody has the others

  add(4, {"all.example"});

  EXPECT_TRUE(mesh_.converge(5s));
}

TEST_F(NamesTest, ANameMayStandForSeveralPeers) {
  for (const std::uint64_t number : {1, 2, 3}) {
    SimNode::Options options;
    options.settings = {{"peers", std::vector<std::string>{"all.example"}}, {"discovery", false}};
    mesh_.add_as(number, number, std::move(options));
  }
  name("all.example", {1, 2, 3});

  EXPECT_TRUE(mesh_.converge(20s));
}

TEST_F(NamesTest, ANameThatIncludesThisNodeIsFine) {
  name("all.example", {1, 2});
  SimNode& first = add(1, {"all.example"});
  add(2, {"all.example"});
  ASSERT_TRUE(mesh_.converge(10s));
  mesh_.world.run_for(1min);

  EXPECT_FALSE(contains(first.host().call("mesh.connections"), "failed"));
  EXPECT_TRUE(contains(first.host().call("mesh.direct-peers"),
                       R"({"Address":"10.0.0.1:6783","State":"this node"})"));
  EXPECT_EQ(first.topology()->direct_peers, 1u) << "this node is not its own peer";
}

TEST_F(NamesTest, APeerThatMovedIsFoundByItsName) {
  name("node1.example", {1});
  add(1, {});
  SimNode& node = add(2, {"node1.example"});
  ASSERT_TRUE(mesh_.converge(10s));
  mesh_.world.run_for(5s);
  mesh_.nodes.erase(mesh_.nodes.begin());
  name("node1.example", {7});
  mesh_.add_as(7, 1, {});

  EXPECT_TRUE(mesh_.world.run_until([&] { return node.neighbours() == 1; }, 10s))
      << "looked up again once the address stopped answering, not only after a minute";
}

TEST_F(NamesTest, ANewAddressOfANameIsTriedWithinAboutAMinute) {
  name("all.example", {1});
  SimNode::Options options;
  options.settings = {{"peers", std::vector<std::string>{"all.example"}}, {"discovery", false}};
  mesh_.add_as(1, 1, {});
  SimNode& node = mesh_.add_as(2, 2, std::move(options));
  ASSERT_TRUE(mesh_.converge(10s));
  mesh_.add_as(3, 3, {});

  name("all.example", {1, 3});

  EXPECT_TRUE(mesh_.world.run_until([&] { return node.neighbours() == 2; }, 70s));
}

TEST_F(NamesTest, AForgottenNameIsLookedUpNoMore) {
  SimNode& node = add(1, {"node2.example"});
  mesh_.world.run_for(1min);
  const std::size_t lookups = mesh_.world.network().lookups("node2.example");

  ASSERT_TRUE(node.host().call("mesh.forget", R"({"peers":["node2.example"]})"));
  mesh_.world.run_for(10min);

  EXPECT_EQ(mesh_.world.network().lookups("node2.example"), lookups);
  EXPECT_EQ(*node.host().call("mesh.direct-peers"), "[]");
}

TEST_F(NamesTest, ConnectDoesNotWaitForASilentServer) {
  SimNode& node = add(1, {"no.example"});
  mesh_.world.network().delay_names(10min);
  mesh_.world.run_for(1min);

  const auto answer = node.host().call("mesh.connect", R"({"peers":["no.example"]})", 6s);

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::invalid);
  EXPECT_EQ(answer.error().context, "resolve 'no.example': no answer within 5 s");
}

TEST_F(NamesTest, ConnectTakesANameThatIsFound) {
  add(1, {});
  name("node1.example", {1});
  SimNode& node = add(2, {});

  ASSERT_TRUE(node.host().call("mesh.connect", R"({"peers":["node1.example","10.0.0.9"]})"));

  EXPECT_TRUE(mesh_.converge(5s));
  mesh_.world.run_for(10min);
  EXPECT_GE(mesh_.world.network().lookups("node1.example"), 9u) << "it is kept looked up";
}

}  // namespace
}  // namespace weft::gossip
