/// Peers that cannot be together: what each side does, and what it says.

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <weft/events/node_trouble.hpp>

#include "gossip/password_file.hpp"
#include "gossip/testing/sim_mesh.hpp"

namespace weft::gossip {
namespace {

using namespace std::chrono_literals;

SimNode::Options with(testing::Settings settings) {
  SimNode::Options options;
  options.settings = std::move(settings);
  return options;
}

testing::Settings peers(std::vector<std::string> list) {
  return {{"peers", std::move(list)}};
}

/// The lines of `weft status connections` about peers that are not connected.
std::string failures(SimMesh& mesh, std::size_t node) {
  std::string text;
  const auto answer = mesh.nodes[node]->host().call("mesh.connections");
  for (const auto& each : nlohmann::json::parse(answer.value())) {
    if (each["State"] != "established") {
      text += each["Address"].get<std::string>() + ": " + each["Info"].get<std::string>() + "\n";
    }
  }
  return text;
}

/// Nodes 2 and 3 have the name of node 2; both know node 1 only.
class ClonesTest : public ::testing::Test {
 protected:
  ClonesTest() {
    mesh.add_as(1, 1, {});
    mesh.add_as(2, 2, with(peers({"10.0.0.1"})));
  }
  void add_clone() { mesh.add_as(3, 2, with(peers({"10.0.0.1"}))); }
  /// The first to have the name stays for two minutes and leaves; what it needs to come back.
  SimNode::Options first_leaves() {
    mesh.nodes.pop_back();
    SimNode::Options options = with(peers({"10.0.0.1"}));
    options.disk = std::make_shared<testing::MemoryDisk>();
    mesh.add_as(2, 2, options);
    mesh.world.run_for(2min);
    mesh.nodes.pop_back();
    EXPECT_TRUE(mesh.world.run_until([&] { return mesh.nodes[0]->neighbours() == 0; }, 5s));
    return options;
  }
  [[nodiscard]] std::uint64_t holder_uid() const {
    return mesh.nodes[0]->topology()->find(PeerName{2})->uid;
  }
  [[nodiscard]] static std::uint64_t own_uid(const SimNode& node) {
    return node.topology()->find(PeerName{2})->uid;
  }

  SimMesh mesh;
};

TEST_F(ClonesTest, WhoIsConnectedKeepsItsNameAndNobodyTakesTurns) {
  ASSERT_TRUE(mesh.world.run_until([&] { return mesh.nodes[0]->neighbours() == 1; }, 10s));
  add_clone();

  const bool has_changed = mesh.world.run_until(
      [&] { return mesh.nodes[0]->neighbours() != 1 || holder_uid() != own_uid(*mesh.nodes[1]); },
      10min);

  EXPECT_FALSE(has_changed);
  EXPECT_GT(mesh.nodes[0]->dropped("name-taken"), 1U);
  EXPECT_GT(mesh.nodes[2]->dropped("refused-by-peer"), 1U);
  EXPECT_EQ(mesh.nodes[2]->reachable(), 0U);
}

TEST_F(ClonesTest, AllThreeSaySoAndNameBothAddressesAndTheRemedy) {
  ASSERT_TRUE(mesh.world.run_until([&] { return mesh.nodes[0]->neighbours() == 1; }, 10s));
  add_clone();
  mesh.world.run_for(5s);

  for (const std::size_t node : {std::size_t{0}, std::size_t{2}}) {
    const std::string text = failures(mesh, node);
    EXPECT_NE(text.find("10.0.0.2"), std::string::npos) << text;
    EXPECT_NE(text.find("10.0.0.3"), std::string::npos) << text;
    EXPECT_NE(text.find("'host.name'"), std::string::npos) << text;
    EXPECT_NE(text.find("the bridge 'weave'"), std::string::npos) << text;  // it holds the name too
  }
}

/// The reasons why a node refuses pods, "" when that was over.
class Troubles {
 public:
  explicit Troubles(SimNode& node) {
    node.host().loop().run([&] {
      heard_ = node.host().bus().subscribe<events::NodeTrouble>([this](const auto& trouble) {
        EXPECT_EQ(trouble.refuses_pods, !trouble.reason.empty());
        reasons.push_back(trouble.reason);
      });
    });
  }
  std::vector<std::string> reasons;

 private:
  Subscription heard_;
};

TEST_F(ClonesTest, ACloneRefusesPodsUntilItsNameIsFree) {
  ASSERT_TRUE(mesh.world.run_until([&] { return mesh.nodes[0]->neighbours() == 1; }, 10s));
  const Troubles of_holder(*mesh.nodes[1]);
  add_clone();
  const Troubles of_clone(*mesh.nodes[2]);
  mesh.world.run_for(5s);

  ASSERT_EQ(of_clone.reasons.size(), 1U);
  EXPECT_NE(of_clone.reasons[0].find("'host.name'"), std::string::npos) << of_clone.reasons[0];
  mesh.world.network().block(SimMesh::address(1), SimMesh::address(2));
  mesh.world.run_for(10min);

  EXPECT_EQ(of_clone.reasons.size(), 2U);
  EXPECT_EQ(of_clone.reasons.back(), "");
  EXPECT_TRUE(of_holder.reasons.empty());
}

TEST_F(ClonesTest, ANodeKnownByItsNameAtItsAddressDoesNotStopForACopyThatCameFirst) {
  const SimNode::Options options = first_leaves();
  add_clone();
  ASSERT_TRUE(mesh.world.run_until([&] { return mesh.nodes[0]->neighbours() == 1; }, 1min));

  mesh.add_as(2, 2, options);
  const Troubles of_original(*mesh.nodes[2]);
  mesh.world.run_for(1min);

  EXPECT_GT(mesh.nodes[2]->dropped("refused-by-peer"), 0U);
  EXPECT_TRUE(of_original.reasons.empty());
}

TEST_F(ClonesTest, AWaitingCloneDoesNotServeWhileTheFirstRestarts) {
  ASSERT_TRUE(mesh.world.run_until([&] { return mesh.nodes[0]->neighbours() == 1; }, 10s));
  mesh.world.run_for(2min);
  add_clone();
  const Troubles of_clone(*mesh.nodes[2]);
  mesh.world.run_for(10min);
  ASSERT_EQ(of_clone.reasons.size(), 1U);

  mesh.world.network().block(SimMesh::address(1), SimMesh::address(2));
  mesh.world.run_for(7min);  // longer than the clone waits between tries
  EXPECT_EQ(of_clone.reasons.size(), 1U);
  EXPECT_EQ(mesh.nodes[2]->reachable(), 0U);
}

TEST_F(ClonesTest, ACopyThatServedWhileTheFirstWasAwayGivesTheNameBackAndStops) {
  const SimNode::Options options = first_leaves();
  add_clone();
  const Troubles of_clone(*mesh.nodes[1]);
  mesh.world.run_for(2min);  // it has the name for longer than a minute
  ASSERT_TRUE(of_clone.reasons.empty());

  mesh.add_as(2, 2, options);
  const Troubles of_original(*mesh.nodes[2]);
  mesh.world.run_for(5s);

  ASSERT_EQ(of_clone.reasons.size(), 1U);
  EXPECT_NE(of_clone.reasons[0].find("belongs to 'node2' at 10.0.0.2"), std::string::npos)
      << of_clone.reasons[0];
  EXPECT_TRUE(mesh.world.run_until([&] { return holder_uid() == own_uid(*mesh.nodes[2]); }, 30s));
  mesh.world.run_for(20min);
  EXPECT_EQ(holder_uid(), own_uid(*mesh.nodes[2]));
  EXPECT_EQ(of_clone.reasons.size(), 1U);
  EXPECT_TRUE(of_original.reasons.empty());
}

TEST_F(ClonesTest, ACopyThatComesFirstAfterEverybodyRestartedDoesNotGetTheName) {
  SimNode::Options witness;
  witness.disk = mesh.nodes[0]->host().disk();
  SimNode::Options first = with(peers({"10.0.0.1"}));
  first.disk = mesh.nodes[1]->host().disk();
  mesh.world.run_for(2min);
  mesh.nodes.clear();

  mesh.add_as(1, 1, witness);
  add_clone();
  mesh.world.run_for(10s);
  EXPECT_EQ(mesh.nodes[0]->neighbours(), 0U);
  mesh.add_as(2, 2, first);

  EXPECT_TRUE(mesh.world.run_until(
      [&] { return mesh.nodes[0]->neighbours() == 1 && holder_uid() == own_uid(*mesh.nodes[2]); },
      15s));
  mesh.world.run_for(20min);
  EXPECT_EQ(holder_uid(), own_uid(*mesh.nodes[2]));
}

TEST_F(ClonesTest, APeerThatRestartsWithoutAWordGetsItsPlaceBackSoon) {
  ASSERT_TRUE(mesh.world.run_until([&] { return mesh.nodes[0]->neighbours() == 1; }, 10s));
  mesh.world.network().block(SimMesh::address(1), SimMesh::address(2));
  mesh.nodes.pop_back();  // its host says nothing to node 1
  mesh.world.network().heal();
  mesh.add_as(2, 2, with(peers({"10.0.0.1"})));

  EXPECT_TRUE(mesh.world.run_until(
      [&] { return mesh.nodes[0]->neighbours() == 1 && holder_uid() == own_uid(*mesh.nodes[1]); },
      5s));
}

TEST(RefusedMesh, BothSidesKnowThatThePasswordsDifferHoweverTheConnectionEnds) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const PasswordFile one("the one");
    const PasswordFile other("the other");
    SimMesh mesh(seed);
    mesh.add_as(1, 1, with({{"password-file", one.path()}}));
    mesh.add_as(
        2, 2,
        with({{"password-file", other.path()}, {"peers", std::vector<std::string>{"10.0.0.1"}}}));

    mesh.world.run_for(1min);

    EXPECT_NE(failures(mesh, 0).find("decrypt"), std::string::npos) << failures(mesh, 0);
    EXPECT_NE(failures(mesh, 1).find("decrypt"), std::string::npos) << failures(mesh, 1);
    EXPECT_EQ(mesh.nodes[1]->dropped("remote-closed"), 0U);
  }
}

TEST(RefusedMesh, BothSidesKnowThatOneHasNoPassword) {
  const PasswordFile one("the one");
  SimMesh mesh;
  mesh.add_as(1, 1, with({{"password-file", one.path()}}));
  mesh.add_as(2, 2, with(peers({"10.0.0.1"})));

  mesh.world.run_for(1min);

  EXPECT_NE(failures(mesh, 0).find("password"), std::string::npos) << failures(mesh, 0);
  EXPECT_NE(failures(mesh, 1).find("password"), std::string::npos) << failures(mesh, 1);
}

TEST(RefusedMesh, AReasonOutlastsResetsAndEndsWithTheRefusal) {
  SimMesh mesh;
  mesh.add_as(1, 1, with({{"connection-limit", std::int64_t{1}}}));
  mesh.add_as(2, 2, with(peers({"10.0.0.1"})));
  ASSERT_TRUE(mesh.world.run_until([&] { return mesh.nodes[0]->neighbours() == 1; }, 10s));
  mesh.add_as(3, 3, with({{"peers", std::vector<std::string>{"10.0.0.1"}}, {"discovery", false}}));
  mesh.world.run_for(5s);
  ASSERT_NE(failures(mesh, 2).find("Connection limit reached (1)"), std::string::npos)
      << failures(mesh, 2);

  mesh.world.network().block(SimMesh::address(1), SimMesh::address(3));
  mesh.world.run_for(1min);
  EXPECT_NE(failures(mesh, 2).find("Connection limit reached (1)"), std::string::npos)
      << failures(mesh, 2);
  mesh.world.network().heal();
  mesh.nodes.erase(mesh.nodes.begin() + 1);
  ASSERT_TRUE(mesh.world.run_until([&] { return mesh.nodes[1]->neighbours() == 1; }, 10min));
  mesh.world.run_for(15s);

  EXPECT_EQ(failures(mesh, 1), "");
}

}  // namespace
}  // namespace weft::gossip
