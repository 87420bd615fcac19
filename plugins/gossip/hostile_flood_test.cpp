/// What a peer may send without end: what waits for it, or because of it, stays bounded.

#include <gtest/gtest.h>

#include "gossip/channels.hpp"
#include "gossip/link.hpp"
#include "gossip/testing/raw_peer.hpp"

namespace weft::gossip {
namespace {

/// A loop that never gets to what is posted to it.
class BusyLoop final : public Loop {
 public:
  explicit BusyLoop(Loop& other) : other_(other) {}

  void post(Task task) noexcept override { waiting.push_back(std::move(task)); }
  Timer after(Duration delay, Task task) override { return other_.after(delay, std::move(task)); }
  Timer every(Duration period, Task task) override { return other_.every(period, std::move(task)); }
  bool is_current() const noexcept override { return false; }
  TimePoint now() const noexcept override { return other_.now(); }
  WallTime wall_now() const noexcept override { return other_.wall_now(); }
  std::uint64_t random() noexcept override { return other_.random(); }
  void random_bytes(std::span<std::byte> out) noexcept override { other_.random_bytes(out); }
  void blocking(Task work, Task done) override {
    other_.blocking(std::move(work), std::move(done));
  }
  Result<FdWatch> watch(int fd, FdEvents events, UniqueFunction<void(FdEvents)> ready) override {
    return other_.watch(fd, events, std::move(ready));
  }

  std::vector<Task> waiting;

 private:
  Loop& other_;
};

class Silent final : public GossipHandler {
 public:
  Result<> on_unicast(PeerName, ByteView) override { return {}; }
  Result<std::optional<Bytes>> on_broadcast(PeerName, ByteView) override { return std::nullopt; }
  Result<std::optional<Bytes>> on_gossip(ByteView) override { return std::nullopt; }
  Bytes complete_state() override { return {}; }
};

class Flood : public ::testing::Test {
 protected:
  SimMesh mesh;
  SimNode& node = mesh.add(1);
  RawPeer peer{mesh.world, 2};
};

TEST_F(Flood, ControlMessagesPassNoFasterThanOverlaysCanUseThem) {
  peer.meet();
  const Bytes control = mesh::encode_message(mesh::OverlayControl{0, 0, Bytes(3)});
  for (int i = 0; i < 5000; ++i) {
    peer.send(control);
  }
  mesh.world.run_for(1s);

  const std::size_t passed = node.overlays.controls;
  EXPECT_GE(passed, 250U);
  EXPECT_LE(passed, 450U);
  EXPECT_EQ(node.counted("weft_gossip_control_messages_ignored_total",
                         "Control messages of peers dropped because they come too fast."),
            5000U - passed);
  peer.send(control);
  mesh.world.run_for(1s);
  EXPECT_EQ(node.overlays.controls, passed + 1);
  EXPECT_FALSE(peer.is_closed);
}

TEST_F(Flood, ALongControlMessageEndsTheConnection) {
  peer.meet();
  peer.send(mesh::encode_message(mesh::OverlayControl{0, 0, Bytes(Link::max_control_bytes)}));
  mesh.world.run_for(1s);
  EXPECT_FALSE(peer.is_closed);

  peer.send(mesh::encode_message(mesh::CompatControl{1, Bytes(Link::max_control_bytes + 1)}));

  EXPECT_TRUE(mesh.world.run_until([&] { return peer.is_closed; }, 1s));
  EXPECT_EQ(node.dropped("malformed"), 1U);
}

TEST_F(Flood, EmptyMessagesForABusyUserWaitWithThePeer) {
  BusyLoop busy(node.host().loop());
  Silent handler;
  std::unique_ptr<GossipChannel> channel;
  node.host().loop().run([&] { channel = *node.mesh().join("busy", handler, busy); });
  peer.meet();

  for (int i = 0; i < 5000; ++i) {
    peer.send(mesh::encode_message(mesh::Gossip{"busy", PeerName{2}, {}}));
  }
  mesh.world.run_for(1s);

  EXPECT_GT(busy.waiting.size(), 100U);
  EXPECT_LT(busy.waiting.size(), 300U);
  EXPECT_FALSE(peer.is_closed);
  node.host().loop().run([&] { channel.reset(); });
}

/// It asks and never reads: its answers may not pile up for ever.
TEST_F(Flood, APeerThatTakesNothingIsGivenUp) {
  peer.meet();
  peer.stop_reading();
  mesh.world.run_for(1s);
  const Bytes control = mesh::encode_message(mesh::OverlayControl{0, 0, Bytes(3)});
  node.overlays.answer_bytes = 4000;
  bool is_given_up = false;
  for (int second = 0; second < 120 && !is_given_up; ++second) {
    for (int i = 0; i < 100; ++i) {
      peer.send(control);
    }
    mesh.world.run_for(1s);
    is_given_up = node.dropped("stalled") == 1;
  }

  EXPECT_TRUE(is_given_up);
  EXPECT_GT(node.counted("weft_gossip_control_messages_dropped_total",
                         "Control messages of overlays dropped because the peer takes none."),
            0U);
}

/// Counts what comes.
class Counting final : public GossipHandler {
 public:
  explicit Counting(SimNode& node) : node_(node) {
    node_.host().loop().run(
        [&] { channel_ = *node_.mesh().join("long", *this, node_.host().loop()); });
  }
  ~Counting() {
    node_.host().loop().run([&] { channel_.reset(); });
  }
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;

  Result<> on_unicast(PeerName, ByteView) override { return {}; }
  Result<std::optional<Bytes>> on_broadcast(PeerName, ByteView) override { return std::nullopt; }
  Result<std::optional<Bytes>> on_gossip(ByteView payload) override {
    bytes += payload.size();
    return std::nullopt;
  }
  Bytes complete_state() override { return {}; }

  std::size_t bytes = 0;

 private:
  SimNode& node_;
  std::unique_ptr<GossipChannel> channel_;
};

constexpr std::size_t long_payload = 1U << 20U;

Bytes long_message(std::uint64_t from) {
  return mesh::encode_message(mesh::Gossip{"long", PeerName{from}, Bytes(long_payload)});
}

/// A message that is announced, and most of it.
void send_most(RawPeer& from) {
  Bytes frame = *mesh::encode_frame(Bytes(mesh::max_message_bytes));
  frame.resize(long_payload);
  from.write(std::move(frame));
}

TEST_F(Flood, WhoDoesNotEndALongMessageHoldsOthersUpForHalfAMinute) {
  Counting user(node);
  RawPeer second{mesh.world, 3};
  RawPeer honest{mesh.world, 4};
  for (RawPeer* const each : {&peer, &second, &honest}) {
    each->meet();
  }
  send_most(peer);
  send_most(second);
  mesh.world.run_for(1s);

  honest.send(long_message(4));
  mesh.world.run_for(20s);
  EXPECT_EQ(user.bytes, 0U);

  mesh.world.run_for(15s);
  EXPECT_EQ(user.bytes, long_payload);
  EXPECT_EQ(node.dropped("stalled"), 1U);
  EXPECT_FALSE(honest.is_closed);
}

TEST_F(Flood, NobodyIsHurriedWhileNobodyWaits) {
  peer.meet();
  send_most(peer);
  mesh.world.run_for(50s);
  EXPECT_FALSE(peer.is_closed);
}

TEST_F(Flood, LongMessagesOfManyComeOneAfterTheOther) {
  Counting user(node);
  std::vector<std::unique_ptr<RawPeer>> many;
  for (std::uint64_t number = 2; number < 8; ++number) {
    many.push_back(std::make_unique<RawPeer>(mesh.world, number));
    many.back()->meet();
  }
  for (std::uint64_t number = 2; number < 8; ++number) {
    many[number - 2]->send(long_message(number));
    many[number - 2]->send(long_message(number));
  }
  mesh.world.run_for(5s);

  EXPECT_EQ(user.bytes, 12 * long_payload);
  EXPECT_EQ(node.dropped("stalled"), 0U);
}

/// What waits for peers that read nothing is bounded for all of them together.
TEST_F(Flood, WhatIsPassedOnToWhoTakesNothingIsBounded) {
  std::vector<std::unique_ptr<RawPeer>> slow;
  for (std::uint64_t number = 10; number < 30; ++number) {
    slow.push_back(std::make_unique<RawPeer>(mesh.world, number));
    slow.back()->meet();
    slow.back()->stop_reading();
  }
  peer.meet();
  for (unsigned i = 0; i < 600; ++i) {
    Bytes payload(100'000, std::byte(i));
    payload.front() = std::byte(i >> 8U);
    peer.send(mesh::encode_message(
        mesh::Gossip{"channel" + std::to_string(i % 8), PeerName{2}, payload}));
    mesh.world.run_for(20ms);
  }

  for (const auto& each : slow) {
    each->read_again();
  }
  mesh.world.run_for(5s);
  std::size_t waited = 0;
  for (const auto& each : slow) {
    waited += each->heard_bytes;
  }
  EXPECT_GT(waited, Channels::max_payload_bytes / 2);
  EXPECT_LT(waited, Channels::max_payload_bytes + (slow.size() << 20U));
  EXPECT_FALSE(peer.is_closed);
}

TEST_F(Flood, NoLongUnicastIsPassedOn) {
  peer.meet();
  RawPeer reader{mesh.world, 3};
  reader.meet();
  mesh.world.run_for(1s);
  const auto send = [&](std::size_t bytes) {
    const std::size_t before = reader.heard_bytes;
    peer.send(
        mesh::encode_message(mesh::GossipUnicast{"long", PeerName{2}, PeerName{3}, Bytes(bytes)}));
    mesh.world.run_for(500ms);
    return reader.heard_bytes - before;
  };

  EXPECT_GT(send(long_payload / 2), long_payload / 2);
  EXPECT_LT(send(2 * long_payload), long_payload);
  EXPECT_FALSE(peer.is_closed);
}

}  // namespace
}  // namespace weft::gossip
