/// Two overlays in one process exchange real datagrams over loopback, with lanes and time that the
/// test moves.

#include "overlay.hpp"

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cstring>
#include <vector>

#include <weft/testing/fake_host.hpp>
#include <weft/testing/hex.hpp>

#include "datagram.hpp"

namespace weft::udp_overlay {
namespace {

using namespace std::chrono_literals;
using overlay::Drop;

constexpr PeerName peer_a{0x020000000001};
constexpr PeerName peer_b{0x020000000002};
constexpr PeerName peer_c{0x020000000003};

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

/// One end of a connection; carries control messages to the other end.
class End final : public OverlayListener {
 public:
  void on_established() override { ++established; }
  void on_failed(Error reason) override { failures.push_back(std::move(reason)); }
  void on_health(bool /*is_healthy*/) override {}
  void send_control(std::uint8_t subtag, Bytes body) override {
    if (other != nullptr && other->connection) {
      other->connection->on_control(subtag, body);
    }
  }

  std::unique_ptr<OverlayConnection> connection;
  End* other = nullptr;
  int established = 0;
  std::vector<Error> failures;
};

/// Forwards a batch in the poll cycle it is added for, so that its buffers last until the flush.
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

struct Node {
  explicit Node(weft::testing::SimWorld& world) : host(world), overlay(host.as_host(), dataplane) {
    const auto started = overlay.start({net::IpAddress::v4(0x7F000001), 0});
    WEFT_CHECK(started.has_value(), "an overlay starts");
  }
  ~Node() {
    host.loop().run([this] { overlay.stop(); });
  }

  [[nodiscard]] std::uint64_t dropped(Drop reason) {
    return host.metrics()
        .counter("weft_udp_overlay_dropped_total", "", {{"reason", std::string(to_string(reason))}})
        .value();
  }

  weft::testing::FakeHost host;
  RecordingDataplane dataplane;
  UdpOverlay overlay;
};

/// Brings the loopback of the current network namespace up with an MTU.
bool set_loopback_mtu(int mtu) {
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

class OverlayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0 || !set_loopback_mtu(1500)) {
      GTEST_SKIP() << "needs CAP_SYS_ADMIN for a network namespace of its own";
    }
    a = std::make_unique<Node>(world);
    b = std::make_unique<Node>(world);
  }

  /// What connections leave to their overlays' loops runs while these still exist.
  void TearDown() override {
    end_a->connection.reset();
    end_b->connection.reset();
    world.run_for(0ms);
  }

  [[nodiscard]] OverlayLink link(PeerName local, PeerName remote) const {
    OverlayLink link;
    link.local = local;
    link.remote = remote;
    link.connection_uid = 77;
    link.remote_address = *net::parse_endpoint("127.0.0.1:6783");
    link.outbound = local == peer_a;
    link.heartbeat = 200ms;
    link.timeout = 700ms;
    return link;
  }

  void connect() {
    end_a->other = end_b.get();
    end_b->other = end_a.get();
    end_b->connection = *b->overlay.prepare(link(peer_b, peer_a), end_b);
    end_a->connection = *a->overlay.prepare(link(peer_a, peer_b), end_a);
    end_b->connection->confirm();
    end_a->connection->confirm();
    pump(1s);
  }

  /// Lets everything that is under way arrive while time moves.
  void pump(Duration by) {
    for (int round = 0; round < 20; ++round) {
      world.run_for(by / 20);
      a->host.lanes().cycle_until_idle();
      b->host.lanes().cycle_until_idle();
    }
  }

  /// Sends `count` frames of `bytes` from `node`; returns how many were taken.
  static std::size_t send(Node& node, const End& end, PeerName destination, std::size_t bytes,
                          std::size_t count = 1, std::uint32_t headroom = frame_headroom) {
    std::vector<Bytes> frames;
    for (std::size_t i = 0; i < count; ++i) {
      frames.emplace_back(bytes, static_cast<std::byte>(i));
    }
    return send(node, end, destination, frames, headroom);
  }
  static std::size_t send(Node& node, const End& end, PeerName destination, const Bytes& frame) {
    return send(node, end, destination, std::vector<Bytes>{frame}, frame_headroom);
  }
  static std::size_t send(Node& node, const End& end, PeerName destination,
                          const std::vector<Bytes>& contents, std::uint32_t headroom) {
    std::vector<Bytes> buffers;
    std::vector<Frame> frames;
    for (const Bytes& content : contents) {
      Bytes& buffer = buffers.emplace_back(frame_headroom);
      buffer.insert(buffer.end(), content.begin(), content.end());
      frames.push_back({.data = buffer.data() + frame_headroom,
                        .length = static_cast<std::uint32_t>(content.size()),
                        .headroom = headroom});
    }
    const auto forwarder = end.connection->forwarder();
    FrameSource source(*forwarder, {peer_a, destination, frames});
    const LaneRegistration registration = node.host.lanes().add(0, source, {});
    node.host.lanes().cycle();
    return source.taken;
  }

  void inject(const Bytes& octets) {
    const auto socket = overlay::open_udp({net::IpAddress::v4(0x7F000001), 0}, {});
    const overlay::Destination to(AF_INET, b->overlay.local(), std::nullopt);
    EXPECT_EQ(overlay::send_datagram(*socket, to, octets), 0);
    b->host.lanes().cycle_until_idle();
  }

  weft::testing::SimWorld world;
  std::unique_ptr<Node> a;
  std::unique_ptr<Node> b;
  std::shared_ptr<End> end_a = std::make_shared<End>();
  std::shared_ptr<End> end_b = std::make_shared<End>();
};

TEST_F(OverlayTest, EstablishesBothWays) {
  connect();

  EXPECT_EQ(end_a->established, 1);
  EXPECT_EQ(end_b->established, 1);
  EXPECT_EQ(end_a->connection->status().mtu, 1500U - 20 - 8 - 26 - 14);
  ASSERT_EQ(a->overlay.describe().size(), 1U);
  EXPECT_EQ(a->overlay.describe()[0].address, net::to_string(b->overlay.local()));
}

TEST_F(OverlayTest, CarriesABatchInPlaceAndInOrder) {
  connect();

  EXPECT_EQ(send(*a, *end_a, peer_b, 200, 64), 64U);
  pump(0ms);

  EXPECT_EQ(b->dataplane.runs, 1);
  ASSERT_EQ(b->dataplane.arrivals.size(), 64U);
  EXPECT_EQ(b->dataplane.arrivals[63].frame, Bytes(200, std::byte{63}));
  EXPECT_EQ(b->dataplane.arrivals[63].source, peer_a);
  EXPECT_EQ(b->dataplane.arrivals[63].destination, peer_b);
  EXPECT_EQ(a->host.metrics().counter("weft_udp_overlay_copies_total", "", {}).value(), 0U);
}

TEST_F(OverlayTest, CopiesAFrameThatHasNoRoomBeforeIt) {
  connect();

  EXPECT_EQ(send(*a, *end_a, peer_b, 200, 1, header_bytes - 1), 1U);
  pump(0ms);

  EXPECT_EQ(b->dataplane.arrivals.size(), 1U);
  EXPECT_EQ(a->host.metrics().counter("weft_udp_overlay_copies_total", "", {}).value(), 1U);
}

TEST_F(OverlayTest, TakesNoFramesBeforeTheyCanArrive) {
  end_a->connection = *a->overlay.prepare(link(peer_a, peer_b), end_a);
  end_a->connection->confirm();
  pump(1s);

  EXPECT_EQ(send(*a, *end_a, peer_b, 200), 0U);
}

TEST_F(OverlayTest, DropsAndCountsWhatDoesNotFitThePath) {
  connect();

  EXPECT_EQ(send(*a, *end_a, peer_b, 1446), 1U);
  EXPECT_EQ(send(*a, *end_a, peer_b, 1447), 1U);
  pump(0ms);

  EXPECT_EQ(b->dataplane.arrivals.size(), 1U);
  EXPECT_EQ(a->dropped(Drop::too_big), 1U);
}

TEST_F(OverlayTest, AnswersAnIpPacketThatDoesNotFitThePath) {
  connect();
  // Ethernet, then IPv4 of 1433 bytes with DF from 10.0.0.1 to 10.0.0.2.
  Bytes frame = weft::testing::from_hex(
      "020000000002020000000001"
      "0800"
      "450005990000400040110000"
      "0a0000010a000002");
  frame.resize(14 + 1433);

  EXPECT_EQ(send(*a, *end_a, peer_b, frame), 1U);
  pump(0ms);

  EXPECT_TRUE(b->dataplane.arrivals.empty());
  ASSERT_EQ(a->dataplane.arrivals.size(), 1U);
  EXPECT_EQ(a->dataplane.arrivals[0].source, peer_b);
  EXPECT_EQ(a->dataplane.arrivals[0].frame[34], std::byte{3}) << "destination unreachable";
  EXPECT_EQ(a->dataplane.arrivals[0].frame[35], std::byte{4}) << "fragmentation needed";
  EXPECT_EQ(load_be<std::uint16_t>(&a->dataplane.arrivals[0].frame[40]), 1432U);
}

TEST_F(OverlayTest, RelaysForOtherPeersInPlace) {
  connect();
  b->dataplane.relay = end_b->connection->forwarder();

  send(*a, *end_a, peer_c, 200, 3);
  pump(0ms);

  EXPECT_EQ(b->dataplane.relayed, 3U);
  ASSERT_EQ(a->dataplane.arrivals.size(), 3U);
  EXPECT_EQ(a->dataplane.arrivals[0].source, peer_a);
  EXPECT_EQ(a->dataplane.arrivals[0].destination, peer_c);
  EXPECT_EQ(b->host.metrics().counter("weft_udp_overlay_copies_total", "", {}).value(), 0U);
}

TEST_F(OverlayTest, DropsHostileDatagrams) {
  connect();
  Bytes stranger(header_bytes + 60);
  write_header(stranger.data(), {Kind::frame, 78, peer_a, peer_b, 60});

  inject(stranger);
  inject(Bytes(100));
  inject({});

  EXPECT_EQ(b->dropped(Drop::unknown_connection), 1U);
  EXPECT_EQ(b->dropped(Drop::malformed), 2U);
  EXPECT_TRUE(b->dataplane.arrivals.empty());
}

TEST_F(OverlayTest, RefusesAConnectionThatMustBeEncrypted) {
  OverlayLink secret = link(peer_a, peer_b);
  secret.session_key.emplace();

  const auto refused = a->overlay.prepare(secret, end_a);

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unsupported);
}

TEST_F(OverlayTest, TellsBothEndsWhenTheOtherIsGone) {
  connect();

  end_b->connection.reset();
  pump(2s);

  EXPECT_EQ(end_a->failures.size(), 1U);
  EXPECT_EQ(send(*a, *end_a, peer_b, 200), 0U);
}

}  // namespace
}  // namespace weft::udp_overlay
