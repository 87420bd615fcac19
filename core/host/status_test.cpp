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
  EXPECT_EQ(status_json(node, {}).find("Warnings"), std::string::npos);
  node.warnings = {"the store was empty"};
  EXPECT_NE(status_json(node, {}).find(R"("Warnings":["the store was empty"])"), std::string::npos);
}

}  // namespace
}  // namespace weft::host
