#pragma once
/// For tests only: two overlays in one process exchange real datagrams over a loopback of their
/// own, with lanes and time that the test moves.

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <weft/testing/fake_host.hpp>

#include "datagram.hpp"
#include "overlay.hpp"
#include "test_support.hpp"

namespace weft::sleeve::testing {

using namespace std::chrono_literals;

/// Brings the loopback of the current network namespace up with an MTU.
inline bool set_loopback_mtu(int mtu) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_mtu = mtu;
  if (ioctl(socket.get(), SIOCSIFMTU, &request) != 0) {
    return false;
  }
  request.ifr_flags = IFF_UP;
  return ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

class RecordingDataplane final : public Dataplane {
 public:
  struct Arrival {
    PeerName source;
    PeerName destination;
    Bytes frame;
  };

  void from_bridge(Lane& /*lane*/, std::span<const Frame> /*batch*/) noexcept override {}
  void from_overlay(Lane& lane, const OverlayBatch& batch) noexcept override {
    ++runs;
    for (const Frame& frame : batch.frames) {
      arrivals.push_back(
          {batch.source, batch.destination, Bytes(frame.bytes().begin(), frame.bytes().end())});
    }
    if (relay) {
      relayed += relay->forward(lane, batch.source, batch.destination, batch.frames);
    }
  }
  void set_bridge_port(std::shared_ptr<BridgePort> /*port*/) override {}

  std::vector<Arrival> arrivals;
  int runs = 0;
  std::shared_ptr<Forwarder> relay;
  std::size_t relayed = 0;
};

class RecordingListener final : public OverlayListener {
 public:
  void on_established() override { ++established; }
  void on_failed(Error reason) override { failures.push_back(std::move(reason)); }
  void on_health(bool /*is_healthy*/) override {}
  void send_control(std::uint8_t subtag, Bytes body) override {
    controls.emplace_back(subtag, std::move(body));
  }

  int established = 0;
  std::vector<Error> failures;
  std::vector<std::pair<std::uint8_t, Bytes>> controls;
};

/// Forwards a batch in the poll cycle it is added for, whose scratch buffers then last until the
/// flush.
class FrameSource final : public LaneTask {
 public:
  FrameSource(Forwarder& to, const OverlayBatch& batch) : to_(to), batch_(batch) {}

  unsigned poll(Lane& lane, unsigned /*budget*/) noexcept override {
    taken = to_.forward(lane, batch_.source, batch_.destination, batch_.frames);
    return 0;
  }

  std::size_t taken = 0;

 private:
  Forwarder& to_;
  OverlayBatch batch_;
};

/// One end of a connection.
struct End {
  std::shared_ptr<RecordingListener> listener = std::make_shared<RecordingListener>();
  std::unique_ptr<OverlayConnection> connection;
};

struct Node {
  Node(weft::testing::SimWorld& world, PeerName name, const char* listen)
      : host(world, NodeInfo{name, "", "", ""}),
        overlay({name, host.loop(), host.lanes(), dataplane, host.metrics(), host.as_host().log()}),
        address(*net::parse_endpoint(listen)) {
    const auto started = overlay.start({address, 1 << 20, 1 << 20});
    WEFT_CHECK(started.has_value(), "an overlay starts");
    address.port = overlay.port();
  }
  ~Node() {
    host.loop().run([this] { overlay.stop(); });
  }

  void cycle() {
    host.lanes().cycle_until_idle();
    host.loop().run([this] { overlay.drain_events(); });
  }
  [[nodiscard]] std::uint64_t dropped(Drop reason) {
    return host.metrics()
        .counter("weft_sleeve_dropped_total", "", {{"reason", std::string(to_string(reason))}})
        .value();
  }
  [[nodiscard]] std::uint64_t counted(const char* name, MetricLabels labels = {}) {
    return host.metrics().counter(name, "", std::move(labels)).value();
  }

  weft::testing::FakeHost host;
  RecordingDataplane dataplane;
  SleeveOverlay overlay;
  net::Endpoint address;
};

class OverlayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0 || !set_loopback_mtu(1500)) {
      GTEST_SKIP() << "needs CAP_SYS_ADMIN for a network namespace of its own";
    }
    make_nodes("127.0.0.1:0", "127.0.0.1:0");
  }

  /// What connections leave to their overlays' loops runs while these still exist.
  void TearDown() override {
    end_a.connection.reset();
    end_b.connection.reset();
    world.run_for(0ms);
  }

  void make_nodes(const char* listen_a, const char* listen_b) {
    a.reset();
    b.reset();
    a = std::make_unique<Node>(world, peer_a, listen_a);
    b = std::make_unique<Node>(world, peer_b, listen_b);
  }

  /// The connection as each end sees it; `a` dialled.
  [[nodiscard]] OverlayLink link_of_a() const {
    OverlayLink link;
    link.local = peer_a;
    link.remote = peer_b;
    link.connection_uid = 77;
    link.local_address = {a->address.address, 50000};
    link.remote_address = b->address;
    link.outbound = true;
    return link;
  }
  [[nodiscard]] OverlayLink link_of_b() const {
    OverlayLink link = link_of_a();
    std::swap(link.local, link.remote);
    std::swap(link.local_address, link.remote_address);
    link.outbound = false;
    return link;
  }

  void start(End& end, Node& node, const OverlayLink& link) {
    end.connection = *node.overlay.prepare(link, end.listener);
    end.connection->confirm();
  }

  /// Connects both ends.
  void connect(std::optional<SessionKey> key = {}, std::chrono::milliseconds heartbeat = 0ms,
               std::chrono::milliseconds timeout = 0ms) {
    const auto agreed = [&](OverlayLink link) {
      link.session_key = key;
      link.heartbeat = heartbeat;
      link.timeout = timeout;
      return link;
    };
    start(end_b, *b, agreed(link_of_b()));
    start(end_a, *a, agreed(link_of_a()));
    pump();
  }

  /// Lets everything that is under way arrive; time moves by `by`.
  void pump(Duration by = 0ms) {
    for (int round = 0; round < 6; ++round) {
      world.run_for(by / 6);
      a->cycle();
      b->cycle();
      carry(end_a, end_b);
      carry(end_b, end_a);
    }
    world.run_for(0ms);
  }

  static void carry(End& from, End& to) {
    for (const auto& [subtag, body] : std::exchange(from.listener->controls, {})) {
      if (to.connection) {
        to.connection->on_control(subtag, body);
      }
    }
  }

  /// Sends copies of `frame` from a lane of `node`, with room before them as every producer has.
  static std::size_t send(Node& node, const End& end, PeerName source, PeerName destination,
                          const Bytes& frame, std::size_t count = 1) {
    std::vector<Bytes> buffers(count, concat({Bytes(frame_headroom), frame}));
    std::vector<Frame> frames;
    for (Bytes& buffer : buffers) {
      frames.push_back({.data = buffer.data() + frame_headroom,
                        .length = static_cast<std::uint32_t>(frame.size()),
                        .headroom = frame_headroom});
    }
    FrameSource source_task(*end.connection->forwarder(), {source, destination, frames});
    const LaneRegistration registration = node.host.lanes().add(0, source_task, {});
    node.host.lanes().cycle();
    return source_task.taken;
  }

  /// Sends `bytes` to `b` from a socket bound to `from`, and lets `b` receive them.
  void inject(const Bytes& bytes, const char* from = "127.0.0.1") { inject_many(bytes, 1, from); }

  /// Sends them `count` times before `b` receives any.
  void inject_many(const Bytes& bytes, unsigned count, const char* from = "127.0.0.1") {
    const auto socket = open_udp({{*net::parse_ip(from), 0}, 0, 0});
    iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    const Destination to(AF_INET, b->address, {});
    to.apply(message);
    for (unsigned i = 0; i < count; ++i) {
      ASSERT_EQ(sendmsg(socket->get(), &message, 0), static_cast<ssize_t>(bytes.size()));
    }
    b->cycle();
  }

  Bytes clear_datagram(const Bytes& frame) {
    Bytes name(peer_name_bytes);
    store_peer_name(name.data(), peer_a);
    return concat({name, record(peer_a, peer_b, frame)});
  }

  weft::testing::SimWorld world;
  std::unique_ptr<Node> a;
  std::unique_ptr<Node> b;
  End end_a;
  End end_b;
};

}  // namespace weft::sleeve::testing
