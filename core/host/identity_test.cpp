/// A machine's name against names that the original derived.

#include "host/identity.hpp"

#include <fstream>

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

TEST(InterfaceMac, KnowsTheLoopbackAndNothingElse) {
  EXPECT_EQ(interface_mac("lo"), net::Mac{});
  EXPECT_EQ(interface_mac("no-such-link"), std::nullopt);
}

}  // namespace
}  // namespace weft::host
