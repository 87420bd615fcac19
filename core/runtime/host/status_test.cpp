/// The node's state as JSON.

#include <gtest/gtest.h>

#include "runtime/host/status.hpp"

namespace weft::host {
namespace {

TEST(Status, HasWarningsOnlyWhenThereAreSome) {
  NodeStatus node{{PeerName{1}, "node1", {}, {}}, "ready", {}, {}};
  EXPECT_EQ(status_json(node, {}, {}).find("Warnings"), std::string::npos);
  node.warnings = {"the store was empty"};
  EXPECT_NE(status_json(node, {}, {}).find(R"("Warnings":["the store was empty"])"),
            std::string::npos);
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
