/// Misses and heartbeats as the kernel and peers send them, and as nobody should.
#include "upcall.hpp"

#include <random>

#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/openvswitch.h>

#include <weft/netlink/message.hpp>
#include <weft/testing/hex.hpp>

namespace weft::odp {
namespace {

constexpr std::uint16_t family = 0x24;

struct UpcallHeader {
  genlmsghdr generic;
  ovs_header datapath;
};

nl::Message make(ByteView frame, bool has_tunnel) {
  nl::Message message(family, 0);
  message.extra_header<UpcallHeader>().generic.cmd = OVS_PACKET_CMD_MISS;
  message.put(OVS_PACKET_ATTR_PACKET, frame);
  message.nest(OVS_PACKET_ATTR_KEY, [&] {
    message.put_number(OVS_KEY_ATTR_IN_PORT, std::uint32_t{2});
    if (has_tunnel) {
      message.nest(OVS_KEY_ATTR_TUNNEL, [&] {
        message.put(OVS_TUNNEL_KEY_ATTR_ID, weft::testing::from_hex("0000000000ade6da"));
        message.put(OVS_TUNNEL_KEY_ATTR_IPV4_SRC, weft::testing::from_hex("0a000001"));
        message.put(OVS_TUNNEL_KEY_ATTR_IPV4_DST, weft::testing::from_hex("0a000002"));
      });
    }
  });
  return message;
}

TEST(Upcall, TellsTheFrameAndWhereItEntered) {
  const Bytes frame(60, std::byte{7});
  nl::Message message = make(frame, true);
  const auto upcall = parse_upcall(message.header(), family);
  ASSERT_TRUE(upcall);
  EXPECT_TRUE(std::ranges::equal(upcall->frame, frame));
  EXPECT_EQ(upcall->in_port, 2U);
  EXPECT_EQ(upcall->tunnel, (Tunnel{0xade6da, 0x0a000001, 0x0a000002}));
}

TEST(Upcall, IsNothingForOtherMessagesAndRunts) {
  const Bytes frame(60);
  nl::Message other = make(frame, false);
  EXPECT_FALSE(parse_upcall(other.header(), family + 1));
  nl::Message runt = make(Bytes(13), false);
  EXPECT_FALSE(parse_upcall(runt.header(), family));
}

TEST(Upcall, SurvivesAnyOctets) {
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    const Bytes frame(40, std::byte{1});
    nl::Message message = make(frame, true);
    const std::size_t length = message.header().nlmsg_len;
    Bytes copy(reinterpret_cast<const std::byte*>(&message.header()),
               reinterpret_cast<const std::byte*>(&message.header()) + length);
    for (int i = 0; i < 3; ++i) {
      copy[NLMSG_HDRLEN + random() % (length - NLMSG_HDRLEN)] = static_cast<std::byte>(random());
    }
    if (const auto upcall = parse_upcall(*reinterpret_cast<nlmsghdr*>(copy.data()), family)) {
      EXPECT_GE(upcall->frame.data(), copy.data());
      EXPECT_LE(upcall->frame.data() + upcall->frame.size(), copy.data() + copy.size());
    }
  }
}

TEST(Heartbeat, IsAsTheOriginalSendsIt) {
  const Bytes frame = make_heartbeat({.uid = 0x0123456789abcdef, .frame_bytes = 1390});
  EXPECT_EQ(frame.size(), 1390U);
  EXPECT_EQ(Bytes(frame.begin(), frame.begin() + 24),
            weft::testing::from_hex("00000000000000000000000000000123456789abcdef056e"));
  const auto heartbeat = parse_heartbeat(frame);
  ASSERT_TRUE(heartbeat);
  EXPECT_EQ(heartbeat->uid, 0x0123456789abcdefU);
  EXPECT_EQ(heartbeat->frame_bytes, 1390);
}

TEST(Heartbeat, CarriesAnEchoWhereTheOriginalPads) {
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
}  // namespace weft::odp
