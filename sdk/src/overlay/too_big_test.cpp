/// ICMP errors against Weave Net's octets.
#include <weft/overlay/too_big.hpp>

#include <gtest/gtest.h>

#include <weft/net/checksum.hpp>

#include "interop/frames.hpp"

namespace weft::overlay {
namespace {

TEST(TooBig, WritesTheOriginalsIcmp) {
  Bytes out(max_report_bytes);

  out.resize(write_too_big_report(frames::ipv4_frame(1520, true), 1438, out));

  EXPECT_EQ(out, frames::golden("ICMP fragmentation needed"));
}

TEST(TooBig, QuotesAPacketShorterThanTheQuote) {
  Bytes out(max_report_bytes);

  EXPECT_EQ(write_too_big_report(frames::ipv4_frame(22, true), 68, out), 14U + 20 + 8 + 22);
}

TEST(TooBig, WritesIcmpv6WithAValidChecksum) {
  Bytes frame(14 + 1500);
  store_be(frame.data() + 12, std::uint16_t{0x86DD});
  frame[14] = std::byte{0x60};
  frame[14 + 8 + 15] = std::byte{1};   // source ::1
  frame[14 + 24 + 15] = std::byte{2};  // destination ::2
  Bytes out(max_report_bytes);

  out.resize(write_too_big_report(frame, 1414, out));

  ASSERT_EQ(out.size(), max_report_bytes);
  EXPECT_EQ(out[14 + 8 + 15], std::byte{2});
  EXPECT_EQ(out[14 + 24 + 15], std::byte{1});
  EXPECT_EQ(out[54], std::byte{2});
  EXPECT_EQ(load_be<std::uint32_t>(out.data() + 58), 1414U);
  net::InternetChecksum sum;
  sum.add(ByteView(out).subspan(22, 32)).add(1240).add(58);
  EXPECT_EQ(sum.add(ByteView(out).subspan(54)).finish(), 0);
}

TEST(TooBig, HasNothingToSayAboutOtherProtocols) {
  Bytes out(max_report_bytes);
  EXPECT_EQ(write_too_big_report(Bytes(2000), 1438, out), 0U);
}

}  // namespace
}  // namespace weft::overlay
