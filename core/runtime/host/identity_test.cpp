/// A machine's name against names that Weave Net derived.

#include "runtime/host/identity.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "interop/vectors.hpp"

namespace weft::host {
namespace {

/// The names in dp-peername.txt by input, both as written there.
std::map<std::string, std::string> golden_names() {
  std::ifstream file(std::string(WEFT_SOURCE_DIR) + "/tests/interop/vectors/dp-peername.txt");
  std::map<std::string, std::string> names;
  std::string input;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("input=")) {
      input = line.substr(6);
    } else if (line.starts_with("mac=")) {
      names[input] = line.substr(4);
    }
  }
  return names;
}

TEST(PeerNameDerivation, MatchesTheOriginal) {
  const auto names = golden_names();
  const std::string machine_id = "0123456789abcdef0123456789abcdef\n";
  const std::string uuid = "4c4c4544-0042-3510-8052-b7c04f4e4d32\n";

  ASSERT_EQ(names.size(), 3u);
  EXPECT_EQ(to_string(derive_peer_name("", "")), names.at("\"\""));
  EXPECT_EQ(to_string(derive_peer_name("", uuid)),
            names.at("\"4c4c4544-0042-3510-8052-b7c04f4e4d32\\n\""));
  EXPECT_EQ(to_string(derive_peer_name(machine_id, uuid)),
            names.at("\"0123456789abcdef0123456789abcdef\\n4c4c4544-0042-3510-8052-"
                     "b7c04f4e4d32\\n\""));
}

TEST(PeerNameDerivation, MatchesTheGoldenName) {
  const Bytes golden = testing::golden("peer-names.txt", "peer-name-from-uuid");

  ASSERT_EQ(golden.size(), peer_name_bytes);
  EXPECT_EQ(derive_peer_name("0123456789abcdef0123456789abcdef\n",
                             "4C4C4544-0042-3510-8051-B4C04F4A4D32\n"),
            load_peer_name(golden.data()));
}

TEST(PeerNameDerivation, RefusesBlankIdsAndReportsAbsentOnes) {
  EXPECT_EQ(peer_name_of({"", ""}).error().code, Errc::invalid);
  EXPECT_EQ(peer_name_of({"", std::nullopt}).error().code, Errc::invalid);
  EXPECT_EQ(peer_name_of({}).error().code, Errc::not_found);
  EXPECT_TRUE(peer_name_of({"x\n", std::nullopt}));
}

class IdentityTest : public ::testing::Test {
 protected:
  IdentityTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weft-name-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~IdentityTest() override { std::filesystem::remove_all(directory_); }

  PeerIdentity identify(const NameEvidence& evidence, PeerName configured = unknown_peer) {
    return identify_peer(directory_, configured, evidence).value();
  }
  void write(const std::string& text) const { std::ofstream(directory_ / "peer-name") << text; }
  [[nodiscard]] std::string kept() const {
    std::ifstream file(directory_ / "peer-name");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::filesystem::path directory_;
};

const net::Mac bridge = net::Mac::from_value(0x020000009901);
const MachineIds machine{"0123456789abcdef0123456789abcdef\n", {}};
const MachineIds other_machine{"fedcba9876543210fedcba9876543210\n", {}};

TEST_F(IdentityTest, TheFirstNameIsTheBridgesElseTheMachines) {
  EXPECT_EQ(identify({bridge, machine}).name, PeerName{bridge.value()});
  std::filesystem::remove(directory_ / "peer-name");
  EXPECT_EQ(identify({{}, machine}).name, peer_name_of(machine).value());
}

TEST_F(IdentityTest, IsKeptWhateverMacTheBridgeHasLater) {
  const auto first = identify({bridge, machine});
  EXPECT_FALSE(first.was_kept);
  EXPECT_TRUE(first.warnings.empty());

  const auto next = identify({net::Mac::from_value(0x0a0000000001), machine});

  EXPECT_EQ(next.name, first.name);
  EXPECT_TRUE(next.was_kept);
  ASSERT_EQ(next.warnings.size(), 1u);
  EXPECT_NE(next.warnings[0].find("0a:00:00:00:00:01"), std::string::npos) << next.warnings[0];
  EXPECT_TRUE(identify({bridge, machine}).warnings.empty());
  EXPECT_EQ(identify({{}, machine}).name, first.name) << "the bridge is gone";
}

TEST_F(IdentityTest, WarnsOnceOfAStateDirectoryFromAnotherMachine) {
  const auto first = identify({{}, machine});

  const auto moved = identify({{}, other_machine});
  EXPECT_EQ(moved.name, first.name);
  ASSERT_EQ(moved.warnings.size(), 1u);
  EXPECT_NE(moved.warnings[0].find("empty its state directory"), std::string::npos);

  EXPECT_TRUE(identify({{}, other_machine}).warnings.empty());
}

TEST_F(IdentityTest, ANameThatAnEarlierVersionKeptIsTaken) {
  write("02:00:00:00:99:07\n");
  const auto found = identify({bridge, machine});

  EXPECT_EQ(found.name, PeerName{0x020000009907});
  EXPECT_EQ(found.warnings.size(), 1u) << "of the bridge, not of the machine";
  EXPECT_EQ(kept(), "02:00:00:00:99:07\nmachine " + to_string(*peer_name_of(machine)) + "\n");
}

TEST_F(IdentityTest, ADamagedFileIsReplacedAndSpokenOf) {
  for (const char* const text : {"", "\n", "nonsense\n", "00:00:00:00:00:00\n"}) {
    write(text);
    const auto found = identify({bridge, machine});
    EXPECT_EQ(found.name, PeerName{bridge.value()});
    EXPECT_FALSE(found.was_kept);
    EXPECT_EQ(found.warnings.size(), 1u) << text;
    EXPECT_TRUE(kept().starts_with("02:00:00:00:99:01\n"));
  }
}

TEST_F(IdentityTest, AConfiguredNameWinsAndStaysWhenItIsTakenOut) {
  const PeerName configured{0x020000009955};
  (void)identify({bridge, machine});
  EXPECT_EQ(identify({bridge, machine}, configured).name, configured);
  EXPECT_EQ(identify({{}, machine}).name, configured);
}

TEST_F(IdentityTest, AnUnwritableDirectoryIsNoReasonToStop) {
  std::filesystem::create_directory(directory_ / "peer-name.new");

  EXPECT_EQ(identify({bridge, machine}).warnings.size(), 1u);
  EXPECT_FALSE(identify_peer(directory_, unknown_peer, {{}, MachineIds{}}))
      << "a random name would be another at each start";
}

TEST_F(IdentityTest, IdsThatCannotBeReadMatterOnlyWhenNothingElseNamesTheNode) {
  const Result<MachineIds> unreadable = fail(EIO, "read the ids");
  EXPECT_EQ(identify_peer(directory_, unknown_peer, {{}, unreadable}).error().code,
            std::errc::io_error);
  EXPECT_TRUE(identify_peer(directory_, unknown_peer, {bridge, unreadable}));
  EXPECT_TRUE(identify_peer(directory_, unknown_peer, {{}, unreadable}));
}

TEST(InterfaceMac, KnowsTheLoopbackAndNothingElse) {
  EXPECT_EQ(interface_mac("lo"), net::Mac{});
  EXPECT_EQ(interface_mac("no-such-link"), std::nullopt);
}

}  // namespace
}  // namespace weft::host
