/// Heartbeats as peers send them, and as nobody should.
#include "heartbeat.hpp"

#include <gtest/gtest.h>

#include <weft/testing/hex.hpp>

namespace weft::fastdp {
namespace {

TEST(Heartbeat, IsAsWeaveNetSendsIt) {
  const Bytes frame = make_heartbeat({.uid = 0x0123456789abcdef, .frame_bytes = 1390});
  EXPECT_EQ(frame.size(), 1390U);
  EXPECT_EQ(Bytes(frame.begin(), frame.begin() + 24),
            weft::testing::from_hex("00000000000000000000000000000123456789abcdef056e"));
  const auto heartbeat = parse_heartbeat(frame);
  ASSERT_TRUE(heartbeat);
  EXPECT_EQ(heartbeat->uid, 0x0123456789abcdefU);
  EXPECT_EQ(heartbeat->frame_bytes, 1390);
}

TEST(Heartbeat, CarriesAnEchoWhereWeaveNetPads) {
  const Heartbeat sent{.uid = 7, .frame_bytes = 566, .echo = {.mtu = 1412, .heard = 1376}};
  const Bytes frame = make_heartbeat(sent);
  EXPECT_EQ(Bytes(frame.begin() + 22, frame.begin() + 28), weft::testing::from_hex("023605840560"));
  EXPECT_EQ(parse_heartbeat(frame)->echo, sent.echo);
  EXPECT_EQ(parse_heartbeat(Bytes(frame.begin(), frame.begin() + 27))->echo, overlay::MtuEcho{});
}

TEST(Heartbeat, IsNoFrameWithAMacAndNoRunt) {
  Bytes frame = make_heartbeat({.uid = 1, .frame_bytes = 60});
  frame[5] = std::byte{1};
  EXPECT_FALSE(parse_heartbeat(frame));
  EXPECT_FALSE(parse_heartbeat(Bytes(23)));
}

}  // namespace
}  // namespace weft::fastdp
