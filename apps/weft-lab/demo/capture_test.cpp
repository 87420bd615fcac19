/// What the wire between nodes shows of encrypted packets.

#include "capture.hpp"

#include <array>

#include <gtest/gtest.h>

namespace weft::lab {
namespace {

const std::string one = "10.99.0.11";
const std::string two = "10.99.0.12";
const std::string relay = "10.99.0.13";
constexpr std::size_t octets = 148;

/// Of one ping, with a heartbeat under way.
const std::vector<EspPacket> relayed{
    {one, relay, octets}, {relay, two, octets}, {two, relay, 1440},
    {two, relay, octets}, {relay, one, octets},
};

TEST(DemoCapture, ReadsEsp) {
  std::array<std::byte, 14 + 20 + 8> frame{};
  frame[12] = std::byte{0x08};
  frame[14] = std::byte{0x45};
  frame[14 + 3] = std::byte{20 + 8};
  frame[14 + 9] = std::byte{50};
  for (const auto& [at, last] : {std::pair{14U + 12U, 11}, std::pair{14U + 16U, 12}}) {
    frame[at] = std::byte{10};
    frame[at + 1] = std::byte{99};
    frame[at + 3] = static_cast<std::byte>(last);
  }
  const auto packet = parse_esp(frame);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->from, one);
  EXPECT_EQ(packet->to, two);
  EXPECT_EQ(packet->octets, 8U);
  EXPECT_FALSE(parse_tunnelled_ping(frame));

  frame[14 + 9] = std::byte{17};
  EXPECT_FALSE(parse_esp(frame));
}

TEST(DemoCapture, FindsTheRelayOfEncryptedPackets) {
  EXPECT_EQ(relay_between(relayed, one, two, octets, 1), relay);
  EXPECT_EQ(relay_between(relayed, two, one, octets, 1), relay);
}

TEST(DemoCapture, FindsNoRelayWhereOnePacketWentOtherwise) {
  EXPECT_FALSE(relay_between({}, one, two, octets, 1));
  EXPECT_FALSE(relay_between(relayed, one, two, octets, 2));

  auto packets = relayed;
  packets.push_back({one, two, octets});
  EXPECT_FALSE(relay_between(packets, one, two, octets, 1));
  packets.back() = {one, "10.99.0.14", octets};
  EXPECT_FALSE(relay_between(packets, one, two, octets, 1));
}

}  // namespace
}  // namespace weft::lab
