/// Two overlays on real lanes, loops and sockets: frames of every size arrive, in clear and
/// encrypted, while connections come and go.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include <weft/testing/fake_host.hpp>
#include <weft/testing/running_loop.hpp>

#include "overlay.hpp"
#include "runtime/lanes/lane_set.hpp"
#include "test_support.hpp"

namespace weft::sleeve {
namespace {

using namespace std::chrono_literals;
using testing::golden_key;
using testing::peer_a;
using testing::peer_b;

class CountingDataplane final : public Dataplane {
 public:
  void from_bridge(Lane& /*lane*/, std::span<const Frame> /*batch*/) noexcept override {}
  void from_overlay(Lane& /*lane*/, const OverlayBatch& batch) noexcept override {
    frames.fetch_add(batch.frames.size());
    frames.notify_all();
  }
  void set_bridge_port(std::shared_ptr<BridgePort> /*port*/) override {}

  std::atomic<std::size_t> frames{0};
};

/// Makes frames on its lane, as a bridge port does.
class Source final : public LaneTask {
 public:
  explicit Source(std::shared_ptr<Forwarder> to) : to_(std::move(to)) {}

  unsigned poll(Lane& lane, unsigned budget) noexcept override {
    if (sent_ >= total) {
      return 0;
    }
    std::array<Frame, max_batch> batch;
    std::size_t size = 0;
    for (; size < std::min<std::size_t>(budget, 8); ++size) {
      batch[size] = lane.scratch(1400);
      if (batch[size].data == nullptr) {
        break;
      }
      const auto frame = testing::ipv4_frame(60 + (sent_ + size) * 7 % 1300, sent_ % 2 == 0);
      batch[size].length = static_cast<std::uint32_t>(frame.size());
      std::ranges::copy(frame, batch[size].data);
    }
    sent_ += to_->forward(lane, peer_a, peer_b, {batch.data(), size});
    return static_cast<unsigned>(size);
  }

  static constexpr std::size_t total = 4000;

 private:
  std::shared_ptr<Forwarder> to_;
  std::size_t sent_ = 0;
};

struct End final : OverlayListener {
  void on_established() override {
    established = true;
    established.notify_all();
  }
  void on_failed(Error /*reason*/) override {}
  void on_health(bool /*is_healthy*/) override {}
  void send_control(std::uint8_t subtag, Bytes body) override {
    if (other != nullptr) {
      other->on_control(subtag, body);
    }
  }

  OverlayConnection* other = nullptr;
  std::atomic<bool> established{false};
};

/// A node with real threads.
struct Node {
  explicit Node(weft::testing::SimWorld& world, PeerName name)
      : host(world),
        overlay({name, loop.loop(), lanes, dataplane, host.metrics(), host.as_host().log()}) {
    WEFT_CHECK(lanes.start().has_value(), "lanes start");
    const auto started = overlay.start({*net::parse_endpoint("127.0.0.1:0"), 4 << 20, 4 << 20});
    WEFT_CHECK(started.has_value(), "an overlay starts");
    loop.run([this] {
      auto listener =
          BellListener::open(loop.loop(), overlay.bell(), [this] { overlay.drain_events(); });
      WEFT_CHECK(listener.has_value(), "there are descriptors left");
      events.emplace(*std::move(listener));
    });
  }
  ~Node() {
    loop.run([this] {
      events.reset();
      overlay.stop();
    });
  }
  weft::testing::FakeHost host;
  CountingDataplane dataplane;
  BlockingPool pool;
  LaneSet lanes{2, pool};
  weft::testing::RunningLoop loop;
  SleeveOverlay overlay;
  std::optional<BellListener> events;
};

void exchange(Node& a, Node& b, std::optional<SessionKey> key) {
  auto end_a = std::make_shared<End>();
  auto end_b = std::make_shared<End>();
  OverlayLink link;
  link.local = peer_a;
  link.remote = peer_b;
  link.connection_uid = 5;
  link.local_address = {net::IpAddress::v4(0x7F000001), a.overlay.port()};
  link.remote_address = {net::IpAddress::v4(0x7F000001), b.overlay.port()};
  link.outbound = true;
  link.session_key = key;
  const auto connection_a = *a.overlay.prepare(link, end_a);
  std::swap(link.local, link.remote);
  std::swap(link.local_address, link.remote_address);
  link.outbound = false;
  const auto connection_b = *b.overlay.prepare(link, end_b);
  end_a->other = connection_b.get();
  end_b->other = connection_a.get();
  connection_b->confirm();
  connection_a->confirm();
  end_a->established.wait(false);
  end_b->established.wait(false);

  const std::size_t before = b.dataplane.frames;
  Source first(connection_a->forwarder());
  Source second(connection_a->forwarder());
  {
    const auto on_first = a.lanes.add(0, first, {});
    const auto on_second = a.lanes.add(1, second, {});
    // UDP may lose some where a receiver is slow; half of them proves the path.
    for (std::size_t now = b.dataplane.frames; now < before + Source::total;
         now = b.dataplane.frames) {
      b.dataplane.frames.wait(now);
    }
  }
  a.loop.run([&] { end_a->other = nullptr; });
  b.loop.run([&] { end_b->other = nullptr; });
}

TEST(Lanes, CarryFramesBetweenThreads) {
  weft::testing::SimWorld world;
  Node a(world, peer_a);
  Node b(world, peer_b);

  exchange(a, b, std::nullopt);
  exchange(a, b, golden_key());
  exchange(a, b, std::nullopt);

  EXPECT_GE(b.dataplane.frames, 3 * Source::total);
}

}  // namespace
}  // namespace weft::sleeve
