/// Frames that were joined, cut again as the kernel would, are the frames that went in, in order
/// within each flow, octet for octet.

#include "bridge/coalescer.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <weft/net/checksum.hpp>

#include "fabric/segment.hpp"

namespace weft::bridge {
namespace {

constexpr std::size_t ethernet_bytes = 14;

/// One frame of a flow, with sound checksums.
struct Shape {
  bool is_v4 = true;
  bool is_tcp = true;
  std::uint16_t port = 1000;
  std::uint32_t sequence = 1;
  std::uint16_t identification = 7;
  bool dont_fragment = true;
  std::size_t options_bytes = 12;
  std::uint8_t flags = 0x10;  // ACK
  std::size_t payload_bytes = 1000;

  [[nodiscard]] std::size_t transport_at() const { return ethernet_bytes + (is_v4 ? 20 : 40); }
  [[nodiscard]] std::size_t payload_at() const {
    return transport_at() + (is_tcp ? 20 + options_bytes : 8);
  }
};

Bytes make(const Shape& shape) {
  Bytes frame(shape.payload_at() + shape.payload_bytes);
  for (std::size_t i = shape.payload_at(); i < frame.size(); ++i) {
    frame[i] = static_cast<std::byte>(i * 7 + shape.sequence);
  }
  frame[5] = std::byte{2};
  frame[11] = std::byte{1};
  std::byte* const ip = frame.data() + ethernet_bytes;
  store_be<std::uint16_t>(ip - 2, shape.is_v4 ? 0x0800 : 0x86DD);
  std::byte* const transport = frame.data() + shape.transport_at();
  const auto transport_bytes = static_cast<std::uint16_t>(frame.size() - shape.transport_at());
  const std::uint8_t protocol = shape.is_tcp ? 6 : 17;
  if (shape.is_v4) {
    ip[0] = std::byte{0x45};
    store_be(ip + 2, static_cast<std::uint16_t>(frame.size() - ethernet_bytes));
    store_be(ip + 4, shape.identification);
    store_be<std::uint16_t>(ip + 6, shape.dont_fragment ? 0x4000 : 0);
    ip[8] = std::byte{64};
    ip[9] = std::byte{protocol};
    store_be<std::uint32_t>(ip + 12, 0x0A200001);
    store_be<std::uint32_t>(ip + 16, 0x0A2C0002);
    store_be(ip + 10, net::internet_checksum({ip, 20}));
  } else {
    ip[0] = std::byte{0x60};
    store_be(ip + 4, transport_bytes);
    ip[6] = std::byte{protocol};
    ip[7] = std::byte{64};
    std::fill_n(ip + 8, 32, std::byte{0xFD});
  }
  store_be(transport, shape.port);
  store_be<std::uint16_t>(transport + 2, 80);
  if (shape.is_tcp) {
    store_be(transport + 4, shape.sequence);
    transport[12] = static_cast<std::byte>((20 + shape.options_bytes) / 4 << 4U);
    transport[13] = static_cast<std::byte>(shape.flags);
  } else {
    store_be(transport + 4, transport_bytes);
  }
  net::InternetChecksum sum;
  sum.add(shape.is_v4 ? ByteView{ip + 12, 8} : ByteView{ip + 8, 32})
      .add(transport_bytes)
      .add(protocol)
      .add({transport, transport_bytes});
  const std::uint16_t check = sum.finish();
  store_be<std::uint16_t>(transport + (shape.is_tcp ? 16 : 6),
                          check == 0 && !shape.is_tcp ? 0xFFFF : check);
  return frame;
}

/// What a kernel that is given `packet` makes of it, in the end.
std::vector<Bytes> cut(const Coalescer::Packet& packet) {
  Bytes octets;
  for (const iovec& part : packet.parts) {
    const auto* const from = static_cast<const std::byte*>(part.iov_base);
    octets.insert(octets.end(), from, from + part.iov_len);
  }
  const auto offload = parse_vnet_header(octets);
  EXPECT_TRUE(offload);
  octets.erase(octets.begin(), octets.begin() + vnet_header_bytes);
  if (offload->is_plain()) {
    return {octets};
  }
  const Frame frame{octets.data(), static_cast<std::uint32_t>(octets.size()), 0, *offload};
  auto segmenter = dataplane::Segmenter::create(frame);
  EXPECT_TRUE(segmenter);
  std::vector<Bytes> frames;
  while (const std::uint32_t length = segmenter->next_length()) {
    frames.emplace_back(length);
    segmenter->write_next(frames.back().data());
  }
  return frames;
}

struct Written {
  std::vector<Bytes> frames;
  std::vector<std::uint32_t> packets;  // frames in each
};

Written pass(std::vector<Bytes>& frames, bool joins_udp = true) {
  Coalescer coalescer(joins_udp);
  Written written;
  const auto write = [&](const Coalescer::Packet& packet) {
    auto made = cut(packet);
    EXPECT_EQ(made.size(), packet.frames);
    std::size_t bytes = 0;
    for (Bytes& frame : made) {
      bytes += frame.size();
      written.frames.push_back(std::move(frame));
    }
    EXPECT_EQ(bytes, packet.bytes);
    written.packets.push_back(packet.frames);
    return true;
  };
  for (Bytes& octets : frames) {
    const Frame frame{octets.data(), static_cast<std::uint32_t>(octets.size()), 0, {}};
    if (!coalescer.add(frame)) {
      coalescer.drain(write);
      EXPECT_TRUE(coalescer.add(frame));
    }
  }
  coalescer.drain(write);
  EXPECT_TRUE(coalescer.is_empty());
  return written;
}

/// A GSO batch of `count` that continues `shape`, which ends as what would follow it.
std::vector<Bytes> batch(Shape& shape, std::size_t count) {
  std::vector<Bytes> frames;
  for (std::size_t i = 0; i < count; ++i) {
    frames.push_back(make(shape));
    shape.sequence += static_cast<std::uint32_t>(shape.payload_bytes);
    ++shape.identification;
  }
  return frames;
}

TEST(Coalescer, JoinsATrainOfEachKind) {
  for (const bool is_v4 : {true, false}) {
    for (const bool is_tcp : {true, false}) {
      for (const std::size_t last_bytes : {1000U, 999U, 1U}) {
        Shape shape{.is_v4 = is_v4, .is_tcp = is_tcp};
        auto frames = batch(shape, 5);
        shape.payload_bytes = last_bytes;
        shape.flags = 0x18;  // PSH ACK
        frames.push_back(make(shape));
        const Written written = pass(frames);
        EXPECT_EQ(written.packets, std::vector{6U});
        EXPECT_EQ(written.frames, frames);
      }
    }
  }
}

TEST(Coalescer, LeavesAloneWhatTheKernelWouldNotCutTheSameWay) {
  struct Case {
    const char* what;
    void (*change)(Shape&);
  };
  const std::array cases{
      Case{"a gap", [](Shape& s) { ++s.sequence; }},
      Case{"a repetition", [](Shape& s) { s.sequence -= 1000; }},
      Case{"another identification", [](Shape& s) { s.identification += 2; }},
      Case{"FIN", [](Shape& s) { s.flags |= 0x01; }},
      Case{"SYN", [](Shape& s) { s.flags |= 0x02; }},
      Case{"RST", [](Shape& s) { s.flags |= 0x04; }},
      Case{"URG", [](Shape& s) { s.flags |= 0x20; }},
      Case{"ECE", [](Shape& s) { s.flags |= 0x40; }},
      Case{"CWR", [](Shape& s) { s.flags |= 0x80; }},
      Case{"no payload", [](Shape& s) { s.payload_bytes = 0; }},
      Case{"a longer one", [](Shape& s) { s.payload_bytes = 1001; }},
      Case{"other options", [](Shape& s) { s.options_bytes = 8; }},
      Case{"another fragment bit", [](Shape& s) { s.dont_fragment = false; }},
  };
  for (const Case& one : cases) {
    Shape shape;
    auto frames = batch(shape, 2);
    one.change(shape);
    frames.push_back(make(shape));
    const Written written = pass(frames);
    EXPECT_EQ(written.packets, (std::vector{2U, 1U})) << one.what;
    EXPECT_EQ(written.frames, frames) << one.what;
  }
}

TEST(Coalescer, JoinsNothingBehindAPushOrAShortSegment) {
  Shape shape{.flags = 0x18};
  auto frames = batch(shape, 3);
  shape.flags = 0x10;
  shape.payload_bytes = 500;
  auto more = batch(shape, 1);
  frames.push_back(more[0]);
  shape.payload_bytes = 400;
  more = batch(shape, 2);
  frames.push_back(more[0]);
  shape.payload_bytes = 500;
  frames.push_back(make(shape));
  const Written written = pass(frames);
  EXPECT_EQ(written.frames, frames);
  EXPECT_EQ(written.packets, (std::vector{1U, 1U, 1U, 2U, 1U}));
}

TEST(Coalescer, NeverHealsAChecksum) {
  for (const bool is_tcp : {true, false}) {
    for (const std::size_t at : {ethernet_bytes + 10, Shape{.is_tcp = is_tcp}.payload_at() + 3}) {
      Shape shape{.is_tcp = is_tcp};
      auto frames = batch(shape, 3);
      frames[1][at] ^= std::byte{0x10};
      const Written written = pass(frames);
      EXPECT_EQ(written.frames, frames);
      EXPECT_EQ(written.packets, (std::vector{1U, 1U, 1U}));
    }
  }
  Shape shape{.is_tcp = false};
  auto frames = batch(shape, 2);
  store_be<std::uint16_t>(frames[0].data() + shape.transport_at() + 6, 0);  // "none"
  EXPECT_EQ(pass(frames).frames, frames);
}

TEST(Coalescer, JoinsEachOfManyFlowsAndKeepsTheirOrder) {
  std::vector<Shape> flows(8);
  for (std::size_t i = 0; i < flows.size(); ++i) {
    flows[i].port = static_cast<std::uint16_t>(2000 + i);
    flows[i].is_tcp = i % 2 == 0;
  }
  std::vector<Bytes> frames;
  for (int round = 0; round < 20; ++round) {
    for (Shape& flow : flows) {
      frames.push_back(batch(flow, 1)[0]);
    }
  }
  const Written written = pass(frames);
  EXPECT_EQ(written.packets, std::vector(flows.size(), 20U));
}

TEST(Coalescer, AFragmentMayBeAnyFlowsNext) {
  Shape shape;
  auto frames = batch(shape, 2);
  frames.push_back(make({.port = 5}));
  store_be<std::uint16_t>(frames.back().data() + ethernet_bytes + 6, 0x2000);  // more fragments
  frames.push_back(make(shape));
  const Written written = pass(frames);
  EXPECT_EQ(written.frames, frames);
  EXPECT_EQ(written.packets, (std::vector{2U, 1U, 1U}));
}

TEST(Coalescer, IdentifiesAtomicDatagramsAnew) {
  Shape shape{.is_tcp = false, .identification = 0};
  std::vector<Bytes> frames{make(shape), make(shape)};
  EXPECT_EQ(pass(frames).packets, std::vector{2U});
  shape.dont_fragment = false;
  frames = {make(shape), make(shape)};
  EXPECT_EQ(pass(frames).packets, (std::vector{1U, 1U}));
}

TEST(Coalescer, LeavesUdpToKernelsThatCanCutIt) {
  Shape shape{.is_tcp = false};
  auto frames = batch(shape, 3);
  EXPECT_EQ(pass(frames, false).packets, (std::vector{1U, 1U, 1U}));
}

TEST(Coalescer, EndsATrainAtTheLargestPacket) {
  Shape shape{.payload_bytes = 8000};
  auto frames = batch(shape, 20);
  const Written written = pass(frames);
  EXPECT_EQ(written.frames, frames);
  EXPECT_EQ(written.packets, (std::vector{8U, 8U, 4U}));
  shape = {.payload_bytes = 1};
  frames = batch(shape, 130);
  EXPECT_EQ(pass(frames).packets, (std::vector{64U, 64U, 2U}));
}

TEST(Coalescer, SaysHowManyFramesWereRefused) {
  Coalescer coalescer(true);
  Shape shape;
  auto frames = batch(shape, 3);
  shape.port = 9;
  frames.push_back(make(shape));
  for (Bytes& octets : frames) {
    ASSERT_TRUE(coalescer.add({octets.data(), static_cast<std::uint32_t>(octets.size()), 0, {}}));
  }
  EXPECT_EQ(coalescer.drain([](const Coalescer::Packet&) { return false; }), 4U);
  EXPECT_TRUE(coalescer.is_empty());
}

/// The flow that a frame shows to those who only look at types, addresses and ports.
Bytes flow_of(const Bytes& frame) {
  const auto type = frame.size() < 14 ? 0 : load_be<std::uint16_t>(&frame[12]);
  const std::size_t protocol_at = type == 0x0800 ? 23 : 20;
  const std::size_t from = type == 0x0800 ? 26 : 22;
  const std::size_t to = type == 0x0800 ? 38 : 58;
  if ((type != 0x0800 && type != 0x86DD) || frame.size() < to) {
    return {};
  }
  Bytes flow(frame.begin() + static_cast<std::ptrdiff_t>(from),
             frame.begin() + static_cast<std::ptrdiff_t>(to));
  flow.push_back(frame[protocol_at]);
  return flow;
}

TEST(Coalescer, GivesBackRandomFramesOfRandomFlows) {
  std::mt19937 random(5);
  const auto chance = [&](unsigned of) { return random() % of == 0; };
  for (int round = 0; round < 300; ++round) {
    std::vector<Shape> flows(1 + random() % 24);
    for (std::size_t i = 0; i < flows.size(); ++i) {
      flows[i] = {.is_v4 = !chance(3),
                  .is_tcp = !chance(3),
                  .port = static_cast<std::uint16_t>(1000 + i),
                  .identification = static_cast<std::uint16_t>(random()),
                  .dont_fragment = false,
                  .options_bytes = 4 * (random() % 4),
                  .payload_bytes = 1 + random() % 1400};
    }
    std::vector<Bytes> frames;
    for (std::size_t i = 0; i < 300; ++i) {
      Shape& flow = flows[random() % flows.size()];
      const std::size_t count = chance(4) ? 1 : random() % 8;
      for (Bytes& frame : batch(flow, count)) {
        if (chance(20)) {
          frame[random() % frame.size()] ^= static_cast<std::byte>(1U << random() % 8);
        }
        if (chance(40)) {
          frame.resize(random() % frame.size());
        }
        frames.push_back(std::move(frame));
      }
      if (chance(4)) {
        flow.payload_bytes = 1 + random() % 1400;
        flow.flags = static_cast<std::uint8_t>(chance(2) ? 0x10 : random());
        flow.sequence += chance(3) ? 5 : 0;
      }
    }
    Written written = pass(frames);
    ASSERT_EQ(written.frames.size(), frames.size());
    // Order is kept in a flow, and flows may overtake each other.
    const auto by_flow = [](const Bytes& a, const Bytes& b) { return flow_of(a) < flow_of(b); };
    std::ranges::stable_sort(frames, by_flow);
    std::ranges::stable_sort(written.frames, by_flow);
    ASSERT_TRUE(written.frames == frames) << round;
  }
}

}  // namespace
}  // namespace weft::bridge
