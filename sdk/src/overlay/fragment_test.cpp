/// Router-made fragments against Weave Net's octets, and put together again.
#include <weft/overlay/fragment.hpp>

#include <gtest/gtest.h>

#include <weft/net/checksum.hpp>

#include "interop/frames.hpp"

namespace weft::overlay {
namespace {

std::vector<Bytes> cut(const Bytes& frame, std::uint32_t mtu) {
  const Fragmenter fragmenter(frame, *parse_ipv4(frame), mtu);
  std::vector<Bytes> pieces;
  for (std::size_t i = 0; i < fragmenter.count(); ++i) {
    Bytes piece(fragmenter.max_bytes());
    piece.resize(fragmenter.write(i, piece));
    pieces.push_back(piece);
  }
  return pieces;
}

TEST(Fragment, CutsAsTheOriginalDoes) {
  const auto pieces = cut(frames::ipv4_frame(1520, false), 1438);

  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_EQ(pieces[0].size(), 1450U);
  EXPECT_EQ(pieces[1].size(), 118U);
  for (std::size_t i = 0; i < 2; ++i) {
    const Bytes head = frames::golden("router-made fragment " + std::to_string(i + 1), "head34");
    EXPECT_EQ(Bytes(pieces[i].begin(), pieces[i].begin() + 34), head);
  }
}

TEST(Fragment, LosesNothing) {
  const Bytes frame = frames::ipv4_frame(5003, false);
  Bytes payload;

  for (const Bytes& piece : cut(frame, 576)) {
    const auto packet = parse_ipv4(piece);
    ASSERT_TRUE(packet);
    EXPECT_LE(packet->total_bytes, 576U);
    EXPECT_EQ(net::internet_checksum(ByteView(piece).subspan(14, 20)), 0);
    EXPECT_EQ(packet->fragment_offset * 8U, payload.size());
    payload.insert(payload.end(), piece.begin() + 34,
                   piece.begin() + static_cast<std::ptrdiff_t>(14 + packet->total_bytes));
    EXPECT_EQ(packet->more_fragments, payload.size() + 34 < frame.size());
  }

  EXPECT_EQ(payload, Bytes(frame.begin() + 34, frame.end()));
}

TEST(Fragment, ContinuesAFragmentWhereItStands) {
  Bytes frame = frames::ipv4_frame(1520, false);
  store_be(frame.data() + 20, std::uint16_t{0x2064});  // more fragments, offset 100

  const auto pieces = cut(frame, 1438);

  EXPECT_EQ(parse_ipv4(pieces[0])->fragment_offset, 100);
  EXPECT_EQ(parse_ipv4(pieces[1])->fragment_offset, 100 + 1416 / 8);
  EXPECT_TRUE(parse_ipv4(pieces[1])->more_fragments);
}

TEST(Fragment, PadsShortPieces) {
  const auto pieces = cut(frames::ipv4_frame(20 + 1416 + 1, false), 1436);
  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_EQ(pieces[1].size(), 60U);
  EXPECT_EQ(parse_ipv4(pieces[1])->total_bytes, 21U);
}

TEST(Fragment, GivesUpWithoutRoomForEightBytes) {
  EXPECT_TRUE(cut(frames::ipv4_frame(1520, false), 27).empty());
  EXPECT_EQ(cut(frames::ipv4_frame(36, false), 28).size(), 2U);
}

}  // namespace
}  // namespace weft::overlay
