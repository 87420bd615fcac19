/// The datagram codec against Weave Net's octets, in both directions, and against garbage.
#include "datagram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "test_support.hpp"

namespace weft::sleeve {
namespace {

using testing::golden;
using testing::peer_a;
using testing::peer_b;
using testing::peer_c;

std::span<std::byte> body_of(Bytes& datagram) {
  return std::span(datagram).subspan(clear_header_bytes);
}

TEST(Datagram, ReadsTwoFramesOfOneDatagramInPlace) {
  Bytes datagram = golden("sleeve clear, two frames");
  RecordReader reader(body_of(datagram));

  const auto first = reader.next();
  const auto second = reader.next();

  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->source, peer_a);
  EXPECT_EQ(first->destination, peer_b);
  EXPECT_TRUE(std::ranges::equal(first->frame, golden("inner frame F1")));
  EXPECT_EQ(second->destination, peer_c);
  EXPECT_TRUE(std::ranges::equal(second->frame, golden("inner frame F2")));
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.defect(), RecordReader::Defect::none);
}

TEST(Datagram, WritesWhatTheOriginalWrites) {
  const Bytes frame = golden("inner frame F1");
  Bytes datagram(clear_header_bytes + record_header_bytes);
  store_peer_name(datagram.data(), peer_a);

  write_record_header(datagram.data() + clear_header_bytes, peer_a, peer_b, frame.size());

  EXPECT_EQ(testing::concat({datagram, frame}), golden("sleeve clear, one frame"));
}

TEST(Datagram, KeepsFramesBeforeADefect) {
  Bytes datagram = golden("sleeve clear, two frames");
  datagram.pop_back();
  RecordReader reader(body_of(datagram));

  EXPECT_TRUE(reader.next());
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.defect(), RecordReader::Defect::frame_too_short);
  EXPECT_FALSE(reader.next());
}

TEST(Datagram, NamesTrailingGarbage) {
  Bytes datagram = golden("sleeve clear, one frame");
  datagram.resize(datagram.size() + 13);
  RecordReader reader(body_of(datagram));

  EXPECT_TRUE(reader.next());
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.defect(), RecordReader::Defect::trailing_garbage);
}

TEST(Datagram, SurvivesAnyBytes) {
  std::mt19937 chance(1);
  for (int round = 0; round < 20000; ++round) {
    Bytes noise(chance() % 96);
    for (std::byte& octet : noise) {
      octet = static_cast<std::byte>(chance() % 4);
    }
    RecordReader reader(noise);
    std::size_t seen = 0;
    while (const auto record = reader.next()) {
      seen += record->frame.size() + record_header_bytes;
      (void)classify(record->frame);
    }
    EXPECT_LE(seen, noise.size());
  }
}

TEST(Datagram, WritesTheOriginalsHeartbeat) {
  Bytes frame(heartbeat_frame_bytes);

  write_heartbeat(frame, 0x0123456789abcdef);

  Bytes sender(clear_header_bytes);
  store_peer_name(sender.data(), peer_a);
  EXPECT_EQ(testing::concat({sender, testing::record(peer_a, peer_b, frame)}),
            golden("sleeve clear heartbeat"));
  EXPECT_EQ(heartbeat_uid(frame), 0x0123456789abcdefU);
}

TEST(Datagram, TellsSpecialFramesApartByLength) {
  EXPECT_EQ(classify(Bytes(13)), FrameKind::undecodable);
  EXPECT_EQ(classify(Bytes(14)), FrameKind::mtu_test);
  EXPECT_EQ(classify(Bytes(22)), FrameKind::heartbeat);
  EXPECT_EQ(classify(Bytes(1000)), FrameKind::mtu_test);
  EXPECT_EQ(classify(Bytes(60000)), FrameKind::mtu_test);
  EXPECT_EQ(classify(Bytes(60001)), FrameKind::fragmentation_test);
  EXPECT_EQ(classify(golden("inner frame F1")), FrameKind::data);

  Bytes damaged(60001);
  damaged.back() = std::byte{1};
  EXPECT_EQ(classify(damaged), FrameKind::undecodable);
  Bytes llc(60);
  llc[13] = std::byte{38};
  EXPECT_EQ(classify(llc), FrameKind::data);
}

}  // namespace
}  // namespace weft::sleeve
