/// Frames in, frames out: the dataplane with recording forwarders and a recording bridge port.

#include "fabric/dataplane.hpp"

#include <algorithm>
#include <deque>
#include <functional>

#include <gtest/gtest.h>

#include <weft/testing/fake_host.hpp>

namespace weft::dataplane {
namespace {

using namespace std::chrono_literals;

constexpr PeerName self{1};
constexpr PeerName near{2};   // a neighbour
constexpr PeerName other{3};  // another neighbour
constexpr PeerName far{4};    // behind `near`
constexpr std::uint64_t pod = 0x020000000011;
constexpr std::uint64_t second_pod = 0x020000000012;
constexpr std::uint64_t remote = 0x020000000022;
constexpr std::uint64_t everyone = 0xFFFFFFFFFFFF;

Bytes make_frame(std::uint64_t destination, std::uint64_t source, std::size_t bytes = 60) {
  Bytes frame(bytes, std::byte{0x5A});
  std::ranges::copy(net::Mac::from_value(destination).octets, frame.begin());
  std::ranges::copy(net::Mac::from_value(source).octets, frame.begin() + 6);
  return frame;
}

struct Sent {
  PeerName source{};
  PeerName destination{};
  Bytes frame;

  bool operator==(const Sent&) const = default;
};

/// Takes `capacity` frames, and spoils what it took, as encryption in place does.
class RecordingForwarder final : public Forwarder {
 public:
  std::size_t forward(Lane& /*lane*/, PeerName source, PeerName destination,
                      std::span<const Frame> batch) noexcept override {
    const std::size_t taken = std::min(batch.size(), capacity);
    capacity -= taken;
    largest_batch = std::max(largest_batch, taken);
    for (const Frame& frame : batch.first(taken)) {
      EXPECT_TRUE(frame.offload.is_plain());
      sent.push_back({source, destination, {frame.bytes().begin(), frame.bytes().end()}});
      std::fill_n(frame.data, frame.length, std::byte{0xEE});
    }
    return taken;
  }

  std::size_t capacity = 1'000'000;
  std::size_t largest_batch = 0;
  std::vector<Sent> sent;
};

/// Reads what it was given only later, as a port that writes at the end of a poll cycle may.
class RecordingPort final : public BridgePort {
 public:
  std::size_t inject(Lane& /*lane*/, std::span<const Frame> batch) noexcept override {
    frames.insert(frames.end(), batch.begin(), batch.end());
    return batch.size();
  }

  [[nodiscard]] std::vector<Bytes> delivered() const {
    std::vector<Bytes> result;
    for (const Frame& frame : frames) {
      result.emplace_back(frame.bytes().begin(), frame.bytes().end());
    }
    return result;
  }

  std::vector<Frame> frames;
};

class DataplaneTest : public ::testing::Test {
 protected:
  DataplaneTest() {
    host_.loop().run([this] {
      dataplane_ = std::make_unique<DataplaneImpl>(self, host_.lanes(), host_.loop(), host_.bus(),
                                                   host_.metrics(), host_.as_host().log());
    });
    near_slot_ = dataplane_->open(near);
    near_slot_.publish({to_near_});
    other_slot_ = dataplane_->open(other);
    other_slot_.publish({to_other_});
    dataplane_->set_bridge_port(port_);
    publish(routes());
  }
  ~DataplaneTest() override {
    near_slot_ = {};
    other_slot_ = {};
    host_.loop().run([this] { dataplane_.reset(); });
  }

  static Routes routes() {
    return {self,
            {{near, near}, {other, other}, {far, near}},
            {{self, {near, other}}, {near, {other}}, {other, {}}, {far, {other}}}};
  }

  void publish(Routes routes) {
    host_.bus().publish(events::RoutesChanged{std::make_shared<const Routes>(std::move(routes))});
    world_.run_for(1ms);
  }
  void publish_peers(const std::vector<PeerName>& names) {
    Topology topology{.self = self, .peers = {}};
    for (const PeerName name : names) {
      topology.peers.push_back({.name = name, .nickname = "", .short_id = {}, .connections = {}});
    }
    host_.bus().publish(
        events::TopologyChanged{std::make_shared<const Topology>(std::move(topology))});
    world_.run_for(1ms);
  }

  void capture(std::vector<Bytes> frames, const Offload& offload = {}) {
    kept_.push_back(std::move(frames));
    const auto views = view(kept_.back(), offload);
    dataplane_->from_bridge(host_.lanes().lane(), views);
  }
  void receive(PeerName source, PeerName destination, std::vector<Bytes> frames) {
    kept_.push_back(std::move(frames));
    const auto views = view(kept_.back(), {});
    dataplane_->from_overlay(host_.lanes().lane(), {source, destination, views});
  }
  static void invent_macs(std::uint64_t count,
                          const std::function<void(std::vector<Bytes>)>& send) {
    for (std::uint64_t i = 0; i < count; i += max_batch) {
      std::vector<Bytes> frames;
      for (std::uint64_t j = i; j < std::min<std::uint64_t>(i + max_batch, count); ++j) {
        frames.push_back(make_frame(pod, 0x060000000000 + j));
      }
      send(std::move(frames));
    }
  }
  static std::vector<Frame> view(std::vector<Bytes>& frames, const Offload& offload) {
    std::vector<Frame> views;
    for (Bytes& frame : frames) {
      views.push_back({frame.data(), static_cast<std::uint32_t>(frame.size()), 0, offload});
    }
    return views;
  }

  std::uint64_t dropped(std::string_view reason) {
    return host_.metrics()
        .counter("weft_dataplane_dropped_frames_total", "", {{"reason", std::string(reason)}})
        .value();
  }

  testing::SimWorld world_;
  testing::FakeHost host_{world_};
  std::shared_ptr<RecordingForwarder> to_near_ = std::make_shared<RecordingForwarder>();
  std::shared_ptr<RecordingForwarder> to_other_ = std::make_shared<RecordingForwarder>();
  std::shared_ptr<RecordingPort> port_ = std::make_shared<RecordingPort>();
  std::deque<std::vector<Bytes>> kept_;
  std::unique_ptr<DataplaneImpl> dataplane_;
  ForwarderSlot near_slot_;
  ForwarderSlot other_slot_;
};

TEST_F(DataplaneTest, AnUnknownDestinationIsSentToEveryHopUnspoiled) {
  const Bytes frame = make_frame(remote, pod);

  capture({frame});

  EXPECT_EQ(to_near_->sent, (std::vector<Sent>{{self, near, frame}}));
  EXPECT_EQ(to_other_->sent, (std::vector<Sent>{{self, other, frame}}));
}

TEST_F(DataplaneTest, AKnownDestinationGetsTheFrameAloneOverItsNextHop) {
  receive(far, self, {make_frame(pod, remote)});
  to_near_->sent.clear();
  to_other_->sent.clear();
  const Bytes frame = make_frame(remote, pod);

  capture({frame});

  EXPECT_EQ(to_near_->sent, (std::vector<Sent>{{self, far, frame}}));
  EXPECT_TRUE(to_other_->sent.empty());
}

TEST_F(DataplaneTest, FramesOfOneFlowAreHandedOverTogether) {
  receive(near, self, {make_frame(pod, remote)});
  const Bytes frame = make_frame(remote, pod);

  capture(std::vector<Bytes>(40, frame));

  EXPECT_EQ(to_near_->sent.size(), 40u);
  EXPECT_EQ(to_near_->largest_batch, 40u);
}

TEST_F(DataplaneTest, AFrameBetweenLocalPodsStaysHere) {
  capture({make_frame(everyone, second_pod)});
  to_near_->sent.clear();

  capture({make_frame(second_pod, pod)});

  EXPECT_TRUE(to_near_->sent.empty());
  EXPECT_EQ(dropped("local"), 1u);
}

TEST_F(DataplaneTest, AFrameForAnotherPeerIsRelayedWithNamesUnchanged) {
  const Bytes frame = make_frame(remote, pod);

  receive(other, far, {frame, frame});

  EXPECT_EQ(to_near_->sent, (std::vector<Sent>{{other, far, frame}, {other, far, frame}}));
  EXPECT_TRUE(port_->frames.empty());
  EXPECT_TRUE(dataplane_->macs().empty());
}

TEST_F(DataplaneTest, AFrameForUsIsDeliveredUnspoiledAndSentOnwardsForItsSource) {
  const Bytes frame = make_frame(everyone, remote);

  receive(near, self, {frame});

  EXPECT_EQ(port_->delivered(), std::vector<Bytes>{frame});
  EXPECT_EQ(to_other_->sent, (std::vector<Sent>{{near, other, frame}}));
  EXPECT_TRUE(to_near_->sent.empty());
}

TEST_F(DataplaneTest, AFrameForALocalMacEndsHere) {
  capture({make_frame(everyone, pod)});
  to_other_->sent.clear();

  receive(near, self, {make_frame(pod, remote)});

  EXPECT_EQ(port_->frames.size(), 1u);
  EXPECT_TRUE(to_other_->sent.empty());
}

TEST_F(DataplaneTest, AMacThatMovedToThisHostIsHeardAtOnce) {
  receive(near, self, {make_frame(everyone, pod)});
  to_near_->sent.clear();
  const Bytes frame = make_frame(everyone, pod);

  capture({frame});

  EXPECT_EQ(to_near_->sent, (std::vector<Sent>{{self, near, frame}}));
  ASSERT_EQ(dataplane_->macs().size(), 1u);
  EXPECT_EQ(dataplane_->macs()[0].peer, self);
}

TEST_F(DataplaneTest, AMacThatMovedBetweenPeersIsFollowedAtOnce) {
  receive(near, self, {make_frame(everyone, remote)});
  receive(other, self, {make_frame(everyone, remote)});
  to_near_->sent.clear();
  to_other_->sent.clear();

  capture({make_frame(remote, pod)});

  EXPECT_TRUE(to_near_->sent.empty());
  EXPECT_EQ(to_other_->sent.size(), 1u);
}

TEST_F(DataplaneTest, OurOwnFrameComingBackIsDropped) {
  receive(self, self, {make_frame(everyone, pod)});

  EXPECT_TRUE(port_->frames.empty());
  EXPECT_EQ(dropped("looped"), 1u);
}

TEST_F(DataplaneTest, WhatTheBestForwarderRefusesTheNextOneGets) {
  const auto fallback = std::make_shared<RecordingForwarder>();
  to_near_->capacity = 1;
  near_slot_.publish({to_near_, fallback});
  receive(near, self, {make_frame(pod, remote)});

  capture(std::vector<Bytes>(3, make_frame(remote, pod)));

  EXPECT_EQ(to_near_->sent.size(), 1u);
  EXPECT_EQ(fallback->sent.size(), 2u);
  EXPECT_EQ(dropped("refused"), 0u);
}

TEST_F(DataplaneTest, WhatNobodyTakesIsCounted) {
  to_near_->capacity = 1;
  receive(near, self, {make_frame(pod, remote)});

  capture(std::vector<Bytes>(3, make_frame(remote, pod)));

  EXPECT_EQ(dropped("refused"), 2u);
}

TEST_F(DataplaneTest, FramesForAnUnreachablePeerAreCounted) {
  receive(far, self, {make_frame(pod, remote)});
  publish({self, {{near, near}}, {{self, {near}}}});

  capture({make_frame(remote, pod)});

  EXPECT_EQ(dropped("no_route"), 1u);
}

TEST_F(DataplaneTest, ARouteThatComesBackFindsItsMacsStillKnown) {
  receive(far, self, {make_frame(pod, remote)});
  publish({self, {{near, near}}, {{self, {near}}}});
  publish(routes());
  to_near_->sent.clear();

  capture({make_frame(remote, pod)});

  ASSERT_EQ(to_near_->sent.size(), 1u);
  EXPECT_EQ(to_near_->sent[0].destination, far);
}

TEST_F(DataplaneTest, OnlyThePeerThatLeftTheMeshIsForgotten) {
  publish_peers({self, near, other, far});
  receive(far, self, {make_frame(pod, remote)});
  receive(near, self, {make_frame(pod, remote + 1)});

  publish_peers({self, near, other});

  ASSERT_EQ(dataplane_->macs().size(), 1u);
  EXPECT_EQ(dataplane_->macs()[0].peer, near);
}

TEST_F(DataplaneTest, APodThatInventsMacsMakesNoPeersAddressUnknown) {
  receive(near, self, {make_frame(everyone, remote)});
  capture({make_frame(everyone, pod)});

  invent_macs(80'000, [this](std::vector<Bytes> frames) { capture(std::move(frames)); });
  to_other_->sent.clear();
  const Bytes frame = make_frame(remote, pod);
  capture({frame});

  EXPECT_EQ(to_near_->sent.back(), (Sent{self, near, frame}));
  EXPECT_TRUE(to_other_->sent.empty());
  EXPECT_GT(host_.metrics().counter("weft_dataplane_macs_replaced_total", "").value(), 0u);
  world_.run_for(2min);
  EXPECT_TRUE(host_.logged("MAC table crowded"));
}

TEST_F(DataplaneTest, TheRoomOfPeersThatLeftIsUsedAgainSoon) {
  publish_peers({self, near, other, far});
  invent_macs(80'000, [this](std::vector<Bytes> frames) { receive(far, self, std::move(frames)); });

  publish_peers({self, near, other});
  world_.run_for(50ms);
  invent_macs(2'000, [this](std::vector<Bytes> frames) { receive(near, self, std::move(frames)); });

  EXPECT_EQ(dataplane_->macs().size(), 2'000u);
}

TEST_F(DataplaneTest, TheYoungerOfTwoConnectionsCarriesTheFrames) {
  const auto younger = std::make_shared<RecordingForwarder>();
  auto slot = dataplane_->open(near);
  receive(near, self, {make_frame(pod, remote)});

  capture({make_frame(remote, pod)});
  EXPECT_EQ(to_near_->sent.size(), 1u) << "the younger one has no forwarders yet";
  slot.publish({younger});
  capture({make_frame(remote, pod)});
  EXPECT_EQ(younger->sent.size(), 1u);
  slot = {};
  capture({make_frame(remote, pod)});
  EXPECT_EQ(to_near_->sent.size(), 2u);
}

TEST_F(DataplaneTest, ASuperFrameIsCutForEveryHop) {
  Bytes super = make_frame(remote, pod, 14 + 20 + 20 + 3000);
  store_be<std::uint16_t>(super.data() + 12, 0x0800);
  super[14] = std::byte{0x45};
  super[14 + 20 + 12] = std::byte{0x50};
  const Offload offload{.segmentation = Offload::Segmentation::tcp4,
                        .needs_checksum = true,
                        .segment_bytes = 1300,
                        .checksum_start = 34,
                        .checksum_offset = 16};

  capture({super}, offload);

  EXPECT_EQ(to_near_->sent.size(), 3u);
  EXPECT_EQ(to_other_->sent.size(), 3u);
  EXPECT_EQ(to_near_->sent[0].frame.size(), 54u + 1300u);
  EXPECT_EQ(to_near_->sent[2].frame.size(), 54u + 400u);
  EXPECT_EQ(to_near_->sent[2].frame, to_other_->sent[2].frame);
}

TEST_F(DataplaneTest, OffloadThatContradictsItsFrameIsDropped) {
  capture({make_frame(everyone, pod)},
          {.needs_checksum = true, .checksum_start = 60, .checksum_offset = 0});
  capture({make_frame(everyone, pod)},
          {.segmentation = Offload::Segmentation::tcp4, .segment_bytes = 100});

  EXPECT_EQ(dropped("bad_offload"), 2u);
  EXPECT_TRUE(to_near_->sent.empty());
}

TEST_F(DataplaneTest, ShortFramesAreDroppedOnBothSides) {
  capture({Bytes(13)});
  receive(near, self, {Bytes(0)});
  receive(near, far, {Bytes(5)});

  EXPECT_EQ(dropped("too_short"), 3u);
}

TEST_F(DataplaneTest, WithoutABridgePortFramesAreStillSentOnwards) {
  dataplane_->set_bridge_port(nullptr);

  receive(near, self, {make_frame(everyone, remote)});

  EXPECT_EQ(dropped("no_bridge"), 1u);
  EXPECT_EQ(to_other_->sent.size(), 1u);
}

TEST_F(DataplaneTest, SilentMacsAreForgottenAfterTenMinutes) {
  capture({make_frame(everyone, pod)});

  world_.run_for(5min);
  EXPECT_EQ(dataplane_->macs().size(), 1u);
  world_.run_for(7min);
  EXPECT_TRUE(dataplane_->macs().empty());
}

}  // namespace
}  // namespace weft::dataplane
