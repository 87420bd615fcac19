/// What leaves for a narrow path, and what its senders are told.

#include <weft/overlay/frame_fitter.hpp>

#include <gtest/gtest.h>

#include <vector>

#include <weft/net/headers.hpp>
#include <weft/overlay/frame_run.hpp>
#include <weft/testing/fake_host.hpp>

#include "interop/frames.hpp"

namespace weft::overlay {
namespace {

constexpr PeerName peer_a{1};
constexpr PeerName peer_b{2};
constexpr PathLimits narrow{.mtu = 576, .kernels_fragment = false};

class RecordingDataplane final : public Dataplane {
 public:
  void from_bridge(Lane& /*lane*/, std::span<const Frame> /*batch*/) noexcept override {}
  void from_overlay(Lane& /*lane*/, const OverlayBatch& batch) noexcept override {
    batches.emplace_back(batch.source, batch.destination);
    for (const Frame& frame : batch.frames) {
      frames.emplace_back(frame.bytes().begin(), frame.bytes().end());
    }
  }
  void set_bridge_port(std::shared_ptr<BridgePort> /*port*/) override {}

  std::vector<std::pair<PeerName, PeerName>> batches;
  std::vector<Bytes> frames;
};

class FrameFitterTest : public ::testing::Test {
 protected:
  Frame keep(Bytes octets, std::uint32_t headroom = frame_headroom) {
    Bytes& kept = kept_.emplace_back(frame_headroom + octets.size());
    std::copy(octets.begin(), octets.end(), kept.begin() + frame_headroom);
    return {.data = kept.data() + frame_headroom,
            .length = static_cast<std::uint32_t>(octets.size()),
            .headroom = headroom};
  }
  Unfit fit(const Bytes& octets, const PathLimits& path = narrow) {
    const Frame frame = keep(octets);
    return fitter.fit(host.lanes().lane(), {peer_a, peer_b, {&frame, 1}}, path,
                      [this](const Frame& each, bool may_fragment) {
                        sent.emplace_back(each.bytes().begin(), each.bytes().end());
                        last_may_fragment = may_fragment;
                      });
  }

  weft::testing::SimWorld world;
  weft::testing::FakeHost host{world};
  RecordingDataplane dataplane;
  FrameFitter fitter;
  std::vector<Bytes> sent;
  bool last_may_fragment = false;

 private:
  std::vector<Bytes> kept_;
};

TEST_F(FrameFitterTest, SendsWhatFitsAsItIs) {
  const Bytes frame = frames::ipv4_frame(576, true);
  EXPECT_EQ(fit(frame).reported, 0U);
  EXPECT_EQ(sent, std::vector<Bytes>{frame});
  EXPECT_FALSE(last_may_fragment);
}

TEST_F(FrameFitterTest, LeavesFragmentingToKernelsThatDo) {
  const Bytes frame = frames::ipv4_frame(1400, false);
  EXPECT_EQ(fit(frame, {.mtu = 576, .kernels_fragment = true}).fragmented, 0U);
  EXPECT_EQ(sent, std::vector<Bytes>{frame});
  EXPECT_TRUE(last_may_fragment);
}

TEST_F(FrameFitterTest, FragmentsWhatMayBe) {
  EXPECT_EQ(fit(frames::ipv4_frame(1400, false)).fragmented, 1U);
  ASSERT_EQ(sent.size(), 3U);
  for (const Bytes& piece : sent) {
    EXPECT_LE(piece.size(), 576U + net::ethernet_header_bytes);
  }
}

TEST_F(FrameFitterTest, CountsWhatFitsNotEvenInFragments) {
  EXPECT_EQ(fit(frames::ipv4_frame(1400, false), {.mtu = 24, .kernels_fragment = false}).narrow,
            1U);
  EXPECT_TRUE(sent.empty());
}

TEST_F(FrameFitterTest, AnswersTheSenderInTheNextTurn) {
  EXPECT_EQ(fit(frames::ipv4_frame(1400, true)).reported, 1U);
  EXPECT_TRUE(sent.empty());
  EXPECT_TRUE(dataplane.frames.empty());

  EXPECT_EQ(fitter.deliver(host.lanes().lane(), dataplane), 1U);
  ASSERT_EQ(dataplane.batches.size(), 1U);
  EXPECT_EQ(dataplane.batches[0], std::pair(peer_b, peer_a)) << "as if the destination had";
  EXPECT_EQ(fitter.deliver(host.lanes().lane(), dataplane), 0U);
}

TEST_F(FrameFitterTest, AnswersNobodyInAGroup) {
  Bytes frame = frames::ipv4_frame(1400, true);
  frame[0] = std::byte{0xFF};
  EXPECT_EQ(fit(frame).unreported, 1U);
  EXPECT_EQ(fitter.deliver(host.lanes().lane(), dataplane), 0U);
}

TEST_F(FrameFitterTest, SaysWhenReportsAreTooMany) {
  unsigned lost = 0;
  for (int i = 0; i < 40; ++i) {
    lost += fit(frames::ipv4_frame(1400, true)).no_buffer;
  }
  EXPECT_EQ(lost, 8U);
  EXPECT_EQ(fitter.deliver(host.lanes().lane(), dataplane), 32U);
}

TEST_F(FrameFitterTest, MakesRoomBeforeAFrameByACopyOnlyWhereItMust) {
  Counter copies;
  const Bytes octets = frames::ipv4_frame(100, true);
  const Frame roomy = keep(octets, 26);
  EXPECT_EQ(with_headroom(host.lanes().lane(), roomy, 26, copies).data, roomy.data);
  EXPECT_EQ(copies.value(), 0U);

  const Frame tight = keep(octets, 25);
  const Frame copy = with_headroom(host.lanes().lane(), tight, 26, copies);
  EXPECT_NE(copy.data, tight.data);
  EXPECT_GE(copy.headroom, 26U);
  EXPECT_TRUE(std::ranges::equal(copy.bytes(), octets));
  EXPECT_EQ(copies.value(), 1U);
}

TEST_F(FrameFitterTest, FramesOfOneSourceAndDestinationArriveTogether) {
  Counter delivered;
  FrameRun run(dataplane, delivered);
  const Frame frame = keep(frames::ipv4_frame(100, true));
  Lane& lane = host.lanes().lane();
  run.deliver(lane);
  for (std::size_t i = 0; i < max_batch + 1; ++i) {
    run.add(lane, peer_a, peer_b, frame);
  }
  run.add(lane, peer_b, peer_a, frame);
  EXPECT_EQ(dataplane.batches.size(), 2U);
  EXPECT_EQ(dataplane.frames.size(), max_batch + 1);
  run.deliver(lane);
  run.deliver(lane);
  EXPECT_EQ(dataplane.batches.size(), 3U);
  EXPECT_EQ(delivered.value(), max_batch + 2);
}

}  // namespace
}  // namespace weft::overlay
