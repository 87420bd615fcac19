/// Addresses, names and prefixes: text to value and back, and what is refused.

#include <gtest/gtest.h>

#include <weft/net/ip.hpp>
#include <weft/net/mac.hpp>
#include <weft/net/peer_name.hpp>

namespace weft {
namespace {

TEST(PeerNameText, ReadsWhatTheOriginalReads) {
  // Results of Weave Net, in order: six groups, then the short forms.
  EXPECT_EQ(to_string(*parse_peer_name("01:02:03:04:05:06")), "01:02:03:04:05:06");
  EXPECT_EQ(to_string(*parse_peer_name("1:2:3:4:5:6")), "01:02:03:04:05:06");
  EXPECT_EQ(to_string(*parse_peer_name("AA:bb:CC:dd:EE:ff")), "aa:bb:cc:dd:ee:ff");
  EXPECT_EQ(to_string(*parse_peer_name("::1")), "00:00:00:00:00:01");
  EXPECT_EQ(to_string(*parse_peer_name("1::")), "01:00:00:00:00:00");
  EXPECT_EQ(to_string(*parse_peer_name("1::2")), "01:00:00:00:00:02");
  EXPECT_EQ(to_string(*parse_peer_name("1:2::")), "01:02:00:00:00:00");
  EXPECT_EQ(to_string(*parse_peer_name("::1:2:3:4")), "00:00:01:02:03:04");
  EXPECT_EQ(to_string(*parse_peer_name("1:2:3::4")), "01:02:03:00:00:04");
}

TEST(PeerNameText, RefusesWhatTheOriginalRefuses) {
  for (const char* text : {"::", "1:2:3:4:5", "1:2:3:4:5:6:7", "001:2:3:4:5:6", "01-02-03-04-05-06",
                           "0x1::2", "", "1::2::3", "1:2:3:4:5:6 "}) {
    EXPECT_FALSE(parse_peer_name(text)) << text;
  }
}

TEST(PeerNameText, QuotesNoMoreThanABit) {
  const auto refused = parse_peer_name(std::string(50'000, 'x'));

  ASSERT_FALSE(refused);
  EXPECT_LT(refused.error().context.size(), 200U);
}

TEST(MacText, RoundTripsAndRefusesOtherForms) {
  EXPECT_EQ(to_string(*net::parse_mac("0a:75:b7:D0:31:58")), "0a:75:b7:d0:31:58");
  for (const char* text : {"", "0a:75:b7:d0:31", "0a:75:b7:d0:31:5", "0a-75-b7-d0-31-58",
                           "0a:75:b7:d0:31:5g", "0a:75:b7:d0:31:58:"}) {
    EXPECT_FALSE(net::parse_mac(text)) << text;
  }
}

TEST(IpText, RoundTripsBothFamilies) {
  for (const char* text : {"10.32.0.1", "fd00::1", "0.0.0.0", "::"}) {
    EXPECT_EQ(to_string(*net::parse_ip(text)), text);
  }
  EXPECT_EQ(to_string(*net::parse_ip("::ffff:10.0.0.1")), "10.0.0.1");
  for (const char* text : {"", "10.0.0", "10.0.0.256", "fd00:::1", "10.0.0.1/8", "localhost"}) {
    EXPECT_FALSE(net::parse_ip(text)) << text;
  }
  EXPECT_FALSE(net::parse_ip(std::string_view("10.0.0.1\0x", 10)));
}

TEST(CidrText, KnowsItsNetwork) {
  const net::Cidr cidr = *net::parse_cidr("10.44.0.7/12");

  EXPECT_EQ(to_string(cidr.network()), "10.32.0.0/12");
  EXPECT_TRUE(cidr.contains(*net::parse_ip("10.47.255.255")));
  EXPECT_FALSE(cidr.contains(*net::parse_ip("10.48.0.0")));
  EXPECT_FALSE(cidr.contains(*net::parse_ip("::1")));
  EXPECT_TRUE(cidr.overlaps(*net::parse_cidr("10.0.0.0/8")));
  EXPECT_FALSE(cidr.overlaps(*net::parse_cidr("10.64.0.0/12")));
  for (const char* text : {"10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "/8", "10.0.0.0/8x"}) {
    EXPECT_FALSE(net::parse_cidr(text)) << text;
  }
}

TEST(EndpointText, NeedsBracketsAroundIpv6) {
  EXPECT_EQ(to_string(*net::parse_endpoint("10.0.0.1:6783")), "10.0.0.1:6783");
  EXPECT_EQ(to_string(*net::parse_endpoint("[fd00::1]:6783")), "[fd00::1]:6783");
  for (const char* text : {"10.0.0.1", "10.0.0.1:", "10.0.0.1:70000", "fd00::1:6783", ":1", ""}) {
    EXPECT_FALSE(net::parse_endpoint(text)) << text;
  }
}

}  // namespace
}  // namespace weft
