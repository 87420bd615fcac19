/// What a peer may send without end: what waits for it, or because of it, stays bounded.

#include <gtest/gtest.h>

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
  boost::asio::io_context& io() override { return other_.io(); }

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

}  // namespace
}  // namespace weft::gossip
