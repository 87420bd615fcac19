/// What a report says of MAC addresses.

#include "fabric/macs_page.hpp"

#include <gtest/gtest.h>

namespace weft::dataplane {
namespace {

TEST(MacsPage, AMacWasSeenAsLongAgoAsItIsIdle) {
  const WallTime now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} +
                     std::chrono::milliseconds{61'500}};
  const MacEntry entry{net::Mac::from_value(0x020000009901), PeerName{0x0A0B0C0D0E0F},
                       std::chrono::seconds{60}};

  const auto nickname_of = [](PeerName) { return "node\xff"; };

  EXPECT_EQ(macs_json({entry}, now, nickname_of),
            R"([{"Mac":"02:00:00:00:99:01","Name":"0a:0b:0c:0d:0e:0f","NickName":"node�",)"
            R"("LastSeen":"2026-11-22T00:00:01.500000Z"}])");
  EXPECT_EQ(macs_json({}, now, nickname_of), "[]");
}

}  // namespace
}  // namespace weft::dataplane
