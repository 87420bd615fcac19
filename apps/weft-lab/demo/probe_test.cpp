/// Reading what ping and nft print.

#include <gtest/gtest.h>

#include "probe.hpp"

namespace weft::lab {
namespace {

TEST(DemoProbe, ReadsPingsCounts) {
  const auto counts = parse_ping(
      "PING 10.32.0.2 (10.32.0.2) 56(84) bytes of data.\n\n--- 10.32.0.2 ping statistics ---\n"
      "250 packets transmitted, 243 received, 2.8% packet loss, time 5002ms\n"
      "rtt min/avg/max/mdev = 0.051/0.217/1.237/0.100 ms\n");

  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->sent, 250U);
  EXPECT_EQ(counts->received, 243U);
  EXPECT_DOUBLE_EQ(counts->average_ms, 0.217);
}

TEST(DemoProbe, ReadsPingsCountsWhenNothingCameBack) {
  const auto counts =
      parse_ping("5 packets transmitted, 0 received, +5 errors, 100% packet loss\n");

  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->received, 0U);
  EXPECT_FALSE(parse_ping("ping: connect: Network is unreachable\n"));
}

TEST(DemoProbe, FindsARulesCounterByItsComment) {
  const std::string listing =
      "\t\tip saddr 10.0.0.1 counter packets 7 bytes 84 comment \"10.0.0.1\"\n"
      "\t\tip saddr 10.0.0.11 counter packets 5 bytes 84 comment \"10.0.0.11\"\n";

  EXPECT_EQ(packets_of(listing, "10.0.0.11"), 5U);
  EXPECT_EQ(packets_of(listing, "10.0.0.12"), 0U);
}

}  // namespace
}  // namespace weft::lab
