/// What the configuration of the mesh may say.

#include "gossip/config.hpp"

#include <gtest/gtest.h>

namespace weft::gossip {
namespace {

std::string refusal(const Config& config) {
  const auto sound = config.validate(6783);
  return sound ? "none" : sound.error().context;
}

TEST(Config, NamesAPeerThatIsThereTwice) {
  Config config;
  config.peers = {"10.0.0.1", "10.0.0.2", "10.0.0.1:6784", "node1:6783"};
  EXPECT_EQ(refusal(config), "none");

  for (const auto& [first, second] :
       {std::pair("10.0.0.1", "10.0.0.1"), std::pair("node2", "Node2.:6783"),
        std::pair("fd00::1", "[fd00:0::1]:6783"), std::pair("10.0.0.3:6783", "10.0.0.3")}) {
    config.peers = {"10.0.0.9", first, second};
    EXPECT_EQ(refusal(config), std::string("use peers: '") + first + "' and '" + second +
                                   "' are one peer; remove one");
  }
}

TEST(Config, WantsNetworksToTrust) {
  Config config;
  config.trusted_subnets = {net::parse_cidr("10.0.0.0/8").value(),
                            net::parse_cidr("192.168.4.7/24").value()};

  EXPECT_EQ(refusal(config),
            "use trusted-subnets = [\"192.168.4.7/24\"]: bits after the network prefix are not all "
            "zero, write \"192.168.4.0/24\"");
}

}  // namespace
}  // namespace weft::gossip
