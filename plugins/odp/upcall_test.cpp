/// Misses as the kernel sends them, and as nobody should.
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

}  // namespace
}  // namespace weft::odp
