/// Offload headers as the kernel writes them, and as it never would.

#include "bridge/vnet_header.hpp"

#include <array>

#include <gtest/gtest.h>

namespace weft::bridge {
namespace {

using Kind = Offload::Segmentation;

template <class... Octets>
auto header(Octets... octets) {
  return std::array<std::byte, sizeof...(octets)>{static_cast<std::byte>(octets)...};
}

TEST(VnetHeader, PlainFrameNeedsNothing) {
  const auto offload = parse_vnet_header(header(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));

  ASSERT_TRUE(offload);
  EXPECT_TRUE(offload->is_plain());
}

TEST(VnetHeader, ReadsASuperFrame) {
  const auto offload = parse_vnet_header(header(1, 1, 66, 0, 0x14, 5, 34, 0, 16, 0, 0, 0));

  ASSERT_TRUE(offload);
  EXPECT_EQ(offload->segmentation, Kind::tcp4);
  EXPECT_TRUE(offload->needs_checksum);
  EXPECT_EQ(offload->header_bytes, 66);
  EXPECT_EQ(offload->segment_bytes, 0x514);
  EXPECT_EQ(offload->checksum_start, 34);
  EXPECT_EQ(offload->checksum_offset, 16);
}

TEST(VnetHeader, CongestionNotificationDoesNotChangeTheKind) {
  EXPECT_EQ(parse_vnet_header(header(1, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))->segmentation,
            Kind::tcp6);
}

TEST(VnetHeader, RefusesAShortHeaderAndUnknownKinds) {
  EXPECT_FALSE(parse_vnet_header({}));
  EXPECT_FALSE(parse_vnet_header(header(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)));
  for (unsigned kind = 0; kind < 256; ++kind) {
    const auto offload = parse_vnet_header(header(0, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
    const unsigned base = kind & 0x7FU;
    EXPECT_EQ(offload.has_value(), base == 0 || base == 1 || (base >= 3 && base <= 5)) << kind;
  }
}

}  // namespace
}  // namespace weft::bridge
