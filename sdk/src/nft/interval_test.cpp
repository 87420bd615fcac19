/// Interval arithmetic of the address sets.

#include <weft/nft/interval.hpp>

#include <gtest/gtest.h>

namespace weft::nft {
namespace {

net::Cidr cidr(std::string_view text) {
  return net::parse_cidr(text).value();
}

TEST(Merge, JoinsAdjacentAndNestedNetworks) {
  const std::vector networks{cidr("10.48.0.0/13"), cidr("10.32.0.0/12"), cidr("10.33.0.0/16"),
                             cidr("10.60.0.0/24")};

  EXPECT_EQ(merge(networks),
            (std::vector<Interval>{{0x0A200000, 0x0A37FFFF}, {0x0A3C0000, 0x0A3C00FF}}));
}

TEST(Merge, ReachesBothEndsOfTheAddressSpace) {
  EXPECT_EQ(merge(std::vector{cidr("0.0.0.0/0"), cidr("10.0.0.0/8")}),
            (std::vector<Interval>{{0, UINT32_MAX}}));
}

TEST(Merge, SkipsIpv6) {
  EXPECT_TRUE(merge(std::vector{cidr("fd00::/8")}).empty());
}

TEST(Prefixes, CoverAnIntervalExactly) {
  EXPECT_EQ(prefixes({0x0A200000, 0x0A2FFFFF}), std::vector{cidr("10.32.0.0/12")});
  EXPECT_EQ(prefixes({0x0A200001, 0x0A200004}),
            (std::vector{cidr("10.32.0.1/32"), cidr("10.32.0.2/31"), cidr("10.32.0.4/32")}));
  EXPECT_EQ(prefixes({0, UINT32_MAX}), std::vector{cidr("0.0.0.0/0")});
  EXPECT_EQ(prefixes({UINT32_MAX, UINT32_MAX}), std::vector{cidr("255.255.255.255/32")});
}

TEST(ElementsOf, AreUndoneByIntervalsOf) {
  const std::vector<Interval> intervals{{1, 1}, {5, 9}, {20, UINT32_MAX}};

  EXPECT_EQ(intervals_of(elements_of(intervals)), intervals);
}

}  // namespace
}  // namespace weft::nft
