/// Elements as values: their order, what differs, and what a network is as a range.

#include <weft/nft/set.hpp>

#include <vector>

#include <gtest/gtest.h>

namespace weft::nft {
namespace {

Bytes key(unsigned number) {
  return {std::byte{0}, std::byte{0}, std::byte{0}, std::byte(number)};
}

net::Cidr cidr(std::string_view text) {
  return net::parse_cidr(text).value();
}

TEST(RangeOf, IsTheAddressesOfTheNetwork) {
  const auto bytes = [](std::string_view text) {
    return key_of({net::parse_ip(text).value().bytes()});
  };

  EXPECT_EQ(range_of(cidr("10.1.2.3/12")), (Element{bytes("10.0.0.0"), bytes("10.15.255.255")}));
  EXPECT_EQ(range_of(cidr("0.0.0.0/0")), (Element{bytes("0.0.0.0"), bytes("255.255.255.255")}));
  EXPECT_EQ(range_of(cidr("fd00:1::/33")),
            (Element{bytes("fd00:1::"), bytes("fd00:1:7fff:ffff:ffff:ffff:ffff:ffff")}));
}

TEST(Normalize, OrdersByKeyAndNamesSingleKeysOnce) {
  std::vector<Element> elements{{key(7), key(9)}, {key(3), key(3)}, {key(1)}};

  normalize(elements);

  EXPECT_EQ(elements, (std::vector<Element>{{key(1)}, {key(3)}, {key(7), key(9)}}));
}

TEST(Difference, TellsWhatToAddAndRemove) {
  const std::vector<Element> from{{key(1)}, {key(2)}, {key(4), key(6)}};
  const std::vector<Element> to{{key(1)}, {key(3)}, {key(4), key(7)}};

  const Difference change = difference(from, to);

  EXPECT_EQ(change.added, (std::vector<Element>{{key(3)}, {key(4), key(7)}}));
  EXPECT_EQ(change.removed, (std::vector<Element>{{key(2)}, {key(4), key(6)}}));
  EXPECT_TRUE(difference(to, to).is_empty());
}

TEST(Difference, ReplacesAnElementWhoseDecisionChanged) {
  const std::vector<Element> from{{key(1), {}, Verdict::accept}, {key(2), {}, Jump{"a"}}};
  const std::vector<Element> to{{key(1), {}, Verdict::accept}, {key(2), {}, Jump{"b"}}};

  const Difference change = difference(from, to);

  EXPECT_EQ(change.added, (std::vector<Element>{{key(2), {}, Jump{"b"}}}));
  EXPECT_EQ(change.removed, (std::vector<Element>{{key(2), {}, Jump{"a"}}}));
}

}  // namespace
}  // namespace weft::nft
