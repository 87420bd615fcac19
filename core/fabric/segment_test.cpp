/// Segmentation and checksums, checked against sums computed the slow way.

#include "fabric/segment.hpp"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include <weft/bytes.hpp>

namespace weft::dataplane {
namespace {

using Kind = Offload::Segmentation;

constexpr std::size_t ethernet_bytes = 14;

/// RFC 1071, octet by octet. Zero means that a sum which includes its checksum is right.
std::uint16_t slow_sum(ByteView octets, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < octets.size(); ++i) {
    sum += std::to_integer<std::uint32_t>(octets[i]) << (i % 2 == 0 ? 8U : 0U);
  }
  while (sum > 0xFFFF) {
    sum = (sum & 0xFFFFU) + (sum >> 16U);
  }
  return static_cast<std::uint16_t>(~sum);
}

struct Shape {
  bool is_v4 = true;
  bool is_tcp = true;
  std::size_t options_bytes = 0;  // of TCP
  std::size_t payload_bytes = 4000;
  std::uint16_t segment_bytes = 1400;
  std::size_t vlan_tags = 0;

  [[nodiscard]] std::size_t network_at() const { return ethernet_bytes + 4 * vlan_tags; }
  [[nodiscard]] std::size_t transport_at() const { return network_at() + (is_v4 ? 20 : 40); }
  [[nodiscard]] std::size_t payload_at() const {
    return transport_at() + (is_tcp ? 20 + options_bytes : 8);
  }
  [[nodiscard]] std::uint8_t protocol() const { return is_tcp ? 6 : 17; }
};

Bytes super_frame(const Shape& shape) {
  Bytes frame(shape.payload_at() + shape.payload_bytes);
  std::iota(reinterpret_cast<std::uint8_t*>(frame.data() + shape.payload_at()),
            reinterpret_cast<std::uint8_t*>(frame.data() + frame.size()), std::uint8_t{1});
  for (std::size_t tag = 0; tag < shape.vlan_tags; ++tag) {
    store_be<std::uint16_t>(frame.data() + 12 + 4 * tag, 0x8100);
  }
  std::byte* const ip = frame.data() + shape.network_at();
  store_be<std::uint16_t>(ip - 2, shape.is_v4 ? 0x0800 : 0x86DD);
  const auto transport_bytes = static_cast<std::uint16_t>(frame.size() - shape.transport_at());
  if (shape.is_v4) {
    ip[0] = std::byte{0x45};
    store_be(ip + 2, static_cast<std::uint16_t>(frame.size() - shape.network_at()));
    store_be<std::uint16_t>(ip + 4, 0xFFFF);  // the identification wraps
    ip[8] = std::byte{64};
    ip[9] = std::byte{shape.protocol()};
    store_be<std::uint32_t>(ip + 12, 0x0A200001);
    store_be<std::uint32_t>(ip + 16, 0x0A2C0002);
  } else {
    ip[0] = std::byte{0x60};
    store_be(ip + 4, transport_bytes);
    ip[6] = std::byte{shape.protocol()};
    ip[7] = std::byte{64};
    std::fill_n(ip + 8, 32, std::byte{0xFD});
  }
  std::byte* const transport = frame.data() + shape.transport_at();
  if (shape.is_tcp) {
    store_be<std::uint32_t>(transport + 4, 0xFFFFFF00);  // the sequence number wraps
    transport[12] = static_cast<std::byte>((20 + shape.options_bytes) / 4 << 4U);
    transport[13] = std::byte{0x80 | 0x10 | 0x08 | 0x01};  // CWR ACK PSH FIN
  } else {
    store_be(transport + 4, transport_bytes);
  }
  return frame;
}

Frame view(Bytes& octets, const Shape& shape) {
  Frame frame{octets.data(), static_cast<std::uint32_t>(octets.size()), 0, {}};
  frame.offload.segmentation =
      shape.is_tcp ? (shape.is_v4 ? Kind::tcp4 : Kind::tcp6) : Kind::udp_l4;
  frame.offload.needs_checksum = true;
  frame.offload.segment_bytes = shape.segment_bytes;
  frame.offload.checksum_start = static_cast<std::uint16_t>(shape.transport_at());
  frame.offload.checksum_offset = shape.is_tcp ? 16 : 6;
  return frame;
}

std::vector<Bytes> cut(const Frame& frame) {
  auto segmenter = Segmenter::create(frame);
  EXPECT_TRUE(segmenter);
  std::vector<Bytes> segments;
  const std::uint32_t expected = segmenter->count();
  while (const std::uint32_t length = segmenter->next_length()) {
    segments.emplace_back(length);
    segmenter->write_next(segments.back().data());
  }
  EXPECT_EQ(segments.size(), expected);
  return segments;
}

std::uint16_t transport_sum(const Bytes& frame, const Shape& shape) {
  const ByteView all{frame};
  const ByteView addresses = shape.is_v4 ? all.subspan(shape.network_at() + 12, 8)
                                         : all.subspan(shape.network_at() + 8, 32);
  const ByteView transport = all.subspan(shape.transport_at());
  const std::uint32_t pseudo = static_cast<std::uint16_t>(~slow_sum(addresses)) +
                               static_cast<std::uint32_t>(transport.size()) + shape.protocol();
  return slow_sum(transport, pseudo);
}

class Segmentation : public ::testing::TestWithParam<Shape> {};

TEST_P(Segmentation, GivesFramesThatAnyReceiverAccepts) {
  const Shape shape = GetParam();
  Bytes original = super_frame(shape);

  const auto segments = cut(view(original, shape));

  Bytes payload;
  std::uint32_t index = 0;
  for (const Bytes& segment : segments) {
    const bool is_last = &segment == &segments.back();
    const std::byte* const ip = segment.data() + shape.network_at();
    const std::byte* const transport = segment.data() + shape.transport_at();
    EXPECT_LE(segment.size(), shape.payload_at() + shape.segment_bytes);
    EXPECT_EQ(transport_sum(segment, shape), 0) << "segment " << index;
    if (shape.is_v4) {
      EXPECT_EQ(slow_sum({ip, 20}), 0);
      EXPECT_EQ(load_be<std::uint16_t>(ip + 2), segment.size() - shape.network_at());
      EXPECT_EQ(load_be<std::uint16_t>(ip + 4), static_cast<std::uint16_t>(0xFFFF + index));
    } else {
      EXPECT_EQ(load_be<std::uint16_t>(ip + 4), segment.size() - shape.transport_at());
    }
    if (shape.is_tcp) {
      const auto flags = std::to_integer<unsigned>(transport[13]);
      EXPECT_EQ(load_be<std::uint32_t>(transport + 4),
                static_cast<std::uint32_t>(0xFFFFFF00 + payload.size()));
      EXPECT_EQ((flags & 0x80U) != 0, index == 0) << "CWR is for the first";
      EXPECT_EQ((flags & 0x09U) != 0, is_last) << "FIN and PSH are for the last";
      EXPECT_NE(flags & 0x10U, 0u);
    } else {
      EXPECT_EQ(load_be<std::uint16_t>(transport + 4), segment.size() - shape.transport_at());
      EXPECT_NE(load_be<std::uint16_t>(transport + 6), 0) << "zero would mean no checksum";
    }
    payload.insert(payload.end(), segment.begin() + static_cast<std::ptrdiff_t>(shape.payload_at()),
                   segment.end());
    ++index;
  }
  EXPECT_TRUE(std::equal(payload.begin(), payload.end(),
                         original.begin() + static_cast<std::ptrdiff_t>(shape.payload_at()),
                         original.end()));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, Segmentation,
    ::testing::Values(Shape{}, Shape{.options_bytes = 12, .payload_bytes = 65000},
                      Shape{.is_v4 = false}, Shape{.is_tcp = false},
                      Shape{.is_v4 = false, .is_tcp = false, .segment_bytes = 1001},
                      Shape{.payload_bytes = 1400}, Shape{.payload_bytes = 1401},
                      Shape{.payload_bytes = 7, .segment_bytes = 1}, Shape{.vlan_tags = 1},
                      Shape{.is_v4 = false, .vlan_tags = 2}));

TEST(Segmenter, RefusesOffloadThatContradictsTheFrame) {
  const Shape shape;
  Bytes octets = super_frame(shape);
  const Frame good = view(octets, shape);
  ASSERT_TRUE(Segmenter::create(good));

  Frame bad = good;
  bad.offload.segment_bytes = 0;
  EXPECT_FALSE(Segmenter::create(bad));
  bad = good;
  bad.offload.checksum_start = 20;  // inside the network header
  EXPECT_FALSE(Segmenter::create(bad));
  bad = good;
  bad.offload.checksum_start = 65535;
  EXPECT_FALSE(Segmenter::create(bad));
  bad = good;
  bad.offload.segmentation = Kind::udp;  // fragmentation of datagrams is never offered
  EXPECT_FALSE(Segmenter::create(bad));
}

TEST(Segmenter, SurvivesEveryTruncationAndEveryOctetChanged) {
  const Shape shape{.options_bytes = 8, .payload_bytes = 100, .segment_bytes = 40};
  const Bytes original = super_frame(shape);
  for (std::size_t length = 0; length <= original.size(); ++length) {
    Bytes octets(original.begin(), original.begin() + static_cast<std::ptrdiff_t>(length));
    if (Segmenter::create(view(octets, shape))) {
      cut(view(octets, shape));
    }
  }
  for (std::size_t at = 0; at < shape.payload_at(); ++at) {
    for (const unsigned value : {0x00U, 0x0FU, 0x81U, 0xF0U, 0xFFU}) {
      Bytes octets = original;
      octets[at] = static_cast<std::byte>(value);
      if (Segmenter::create(view(octets, shape))) {
        cut(view(octets, shape));
      }
    }
  }
}

TEST(Checksum, CompletesWhatTheSenderLeftOpen) {
  for (const bool is_tcp : {true, false}) {
    const Shape shape{.is_tcp = is_tcp, .payload_bytes = 33};
    Bytes octets = super_frame(shape);
    const std::uint32_t field =
        static_cast<std::uint32_t>(shape.transport_at()) + (is_tcp ? 16 : 6);
    // The kernel leaves the folded, not complemented sum of the pseudo-header in the field.
    const std::uint32_t pseudo =
        static_cast<std::uint16_t>(
            ~slow_sum(ByteView{octets}.subspan(shape.network_at() + 12, 8))) +
        static_cast<std::uint32_t>(octets.size() - shape.transport_at()) + shape.protocol();
    store_be(octets.data() + field, static_cast<std::uint16_t>(~slow_sum({}, pseudo)));
    Frame frame = view(octets, shape);
    frame.offload.segmentation = Kind::none;

    ASSERT_TRUE(complete_checksum(frame));

    EXPECT_FALSE(frame.offload.needs_checksum);
    EXPECT_EQ(transport_sum(octets, shape), 0);
  }
}

TEST(Checksum, RefusesAFieldOutsideTheFrame) {
  const Shape shape{.payload_bytes = 1};
  Bytes octets = super_frame(shape);
  Frame frame = view(octets, shape);
  frame.offload.checksum_start = static_cast<std::uint16_t>(octets.size());
  frame.offload.checksum_offset = 0;
  EXPECT_FALSE(complete_checksum(frame));
  frame.offload.checksum_start = 0xFFFF;
  frame.offload.checksum_offset = 0xFFFF;
  EXPECT_FALSE(complete_checksum(frame));
}

}  // namespace
}  // namespace weft::dataplane
