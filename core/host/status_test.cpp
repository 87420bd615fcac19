/// The node's state as JSON.

#include <gtest/gtest.h>

#include "host/status.hpp"

namespace weft::host {
namespace {

TEST(Status, AMacWasSeenAsLongAgoAsItIsIdle) {
  const WallTime now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} +
                     std::chrono::milliseconds{61'500}};
  const dataplane::MacEntry entry{net::Mac::from_value(0x020000009901), PeerName{0x0A0B0C0D0E0F},
                                  std::chrono::seconds{60}};

  EXPECT_EQ(macs_json({entry}, now), R"([{"Mac":"02:00:00:00:99:01","Name":"0a:0b:0c:0d:0e:0f",)"
                                     R"("LastSeen":"2026-11-22T00:00:01.500000Z"}])");
  EXPECT_EQ(macs_json({}, now), "[]");
}

TEST(Status, HasWarningsOnlyWhenThereAreSome) {
  NodeStatus node{{PeerName{1}, "node1", {}, {}}, "ready", {}, {}};
  EXPECT_EQ(status_json(node, {}, {}).find("Warnings"), std::string::npos);
  node.warnings = {"the store was empty"};
  EXPECT_NE(status_json(node, {}, {}).find(R"("Warnings":["the store was empty"])"), std::string::npos);
}

TEST(Status, APluginThatFailedSaysWhyAndWhenItIsStartedAgain) {
  const TimePoint now{};
  PluginStatus gossip{{}, {}, PluginState::failed, "cannot bind: in use", {}};
  gossip.manifest.name = "gossip";
  gossip.next_attempt = now + std::chrono::milliseconds{3001};

  EXPECT_NE(status_json({}, {gossip}, now).find("cannot bind: in use; next attempt in 4 s"),
            std::string::npos);
  EXPECT_NE(status_json({}, {gossip}, now + std::chrono::seconds{9}).find("next attempt in 0 s"),
            std::string::npos);
}

}  // namespace
}  // namespace weft::host
