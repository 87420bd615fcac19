/// Which frames go how.
#include <weft/overlay/packet.hpp>

#include <gtest/gtest.h>

#include "interop/frames.hpp"

namespace weft::overlay {
namespace {

using frames::ipv4_frame;

constexpr PathLimits untested{.mtu = 1438, .kernels_fragment = false};
constexpr PathLimits tested{.mtu = 1438, .kernels_fragment = true};

Bytes ipv6_frame(std::size_t payload) {
  Bytes frame(14 + 40 + payload);
  store_be(frame.data() + 12, std::uint16_t{0x86DD});
  frame[14] = std::byte{0x60};
  store_be(frame.data() + 18, static_cast<std::uint16_t>(payload));
  frame[20] = std::byte{17};
  return frame;
}

TEST(InnerPacket, SendsDontFragmentPacketsThatFitSo) {
  EXPECT_EQ(plan(ipv4_frame(1438, true), untested), Handling::send_dont_fragment);
  EXPECT_EQ(plan(ipv4_frame(1438, true), tested), Handling::send_dont_fragment);
}

TEST(InnerPacket, ReportsDontFragmentPacketsThatDoNotFit) {
  EXPECT_EQ(plan(ipv4_frame(1439, true), tested), Handling::report_too_big);
}

TEST(InnerPacket, LetsKernelsFragmentOnceThatIsKnownToWork) {
  EXPECT_EQ(plan(ipv4_frame(4000, false), tested), Handling::send_may_fragment);
  EXPECT_EQ(plan(ipv4_frame(100, false), tested), Handling::send_may_fragment);
}

TEST(InnerPacket, FragmentsItselfUntilThen) {
  EXPECT_EQ(plan(ipv4_frame(4000, false), untested), Handling::fragment);
  EXPECT_EQ(plan(ipv4_frame(1438, false), untested), Handling::send_dont_fragment);
}

TEST(InnerPacket, LeavesOtherProtocolsToTheKernel) {
  Bytes arp(60);
  store_be(arp.data() + 12, std::uint16_t{0x0806});
  EXPECT_EQ(plan(arp, untested), Handling::send_may_fragment);
  EXPECT_EQ(plan(Bytes(5), untested), Handling::send_may_fragment);
}

TEST(InnerPacket, TreatsIpv6AsDontFragmentDownToItsMinimum) {
  EXPECT_EQ(plan(ipv6_frame(1000), tested), Handling::send_dont_fragment);
  EXPECT_EQ(plan(ipv6_frame(1400), tested), Handling::report_too_big);
  EXPECT_EQ(plan(ipv6_frame(1240), PathLimits{.mtu = 900}), Handling::send_may_fragment);
}

TEST(InnerPacket, NeverReportsToWhomIcmpForbidsIt) {
  Bytes group = ipv4_frame(1500, true);
  group[0] = std::byte{0x01};
  Bytes later_fragment = ipv4_frame(1500, true);
  store_be(later_fragment.data() + 20, std::uint16_t{0x4010});
  Bytes icmp_error = ipv4_frame(1500, true);
  icmp_error[23] = std::byte{1};
  icmp_error[34] = std::byte{3};
  Bytes group6 = ipv6_frame(1400);
  group6[0] = std::byte{0x33};

  EXPECT_EQ(plan(group, tested), Handling::drop_too_big);
  EXPECT_EQ(plan(later_fragment, tested), Handling::drop_too_big);
  EXPECT_EQ(plan(icmp_error, tested), Handling::drop_too_big);
  EXPECT_EQ(plan(group6, tested), Handling::drop_too_big);
}

TEST(InnerPacket, RefusesHeadersThatLie) {
  Bytes frame = ipv4_frame(100, true);
  EXPECT_TRUE(parse_ipv4(frame));

  for (std::size_t length = 0; length < frame.size(); ++length) {
    EXPECT_FALSE(parse_ipv4(ByteView(frame).first(length))) << length;
  }
  frame[14] = std::byte{0x44};  // a header of 16 bytes
  EXPECT_FALSE(parse_ipv4(frame));
  frame[14] = std::byte{0x65};  // version 6
  EXPECT_FALSE(parse_ipv4(frame));
  frame[14] = std::byte{0x4F};
  store_be(frame.data() + 16, std::uint16_t{40});  // shorter than its header
  EXPECT_FALSE(parse_ipv4(frame));
}

}  // namespace
}  // namespace weft::overlay
