/// Two overlays in one process exchange real datagrams over a loopback of their own, with lanes
/// and time that the test moves.
#include "overlay.hpp"

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstring>

#include <weft/testing/fake_host.hpp>

#include "datagram.hpp"
#include "test_support.hpp"

namespace weft::sleeve {
namespace {

using namespace std::chrono_literals;
using testing::golden_key;
using testing::ipv4_frame;
using testing::peer_a;
using testing::peer_b;
using testing::peer_c;

/// Brings the loopback of the current network namespace up with an MTU.
bool set_loopback_mtu(int mtu) {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
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

/// Forwards a batch in the turn it is added for, whose scratch buffers then last until the flush.
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

  void turn() {
    host.lanes().turn_until_idle();
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
      a->turn();
      b->turn();
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
    std::vector<Bytes> buffers(count, testing::concat({Bytes(frame_headroom), frame}));
    std::vector<Frame> frames;
    for (Bytes& buffer : buffers) {
      frames.push_back({.data = buffer.data() + frame_headroom,
                        .length = static_cast<std::uint32_t>(frame.size()),
                        .headroom = frame_headroom});
    }
    FrameSource source_task(*end.connection->forwarder(), {source, destination, frames});
    const LaneRegistration registration = node.host.lanes().add(0, source_task, {});
    node.host.lanes().turn();
    return source_task.taken;
  }

  /// Sends `bytes` to `b` from a socket bound to `from`, and lets `b` receive them.
  void inject(const Bytes& bytes, const char* from = "127.0.0.1") { inject_many(bytes, 1, from); }

  /// Sends them `count` times before `b` receives any.
  void inject_many(const Bytes& bytes, unsigned count, const char* from = "127.0.0.1") {
    const auto socket = open_udp({{*net::parse_ip(from), 0}, 0, 0}, Space::may_fragment);
    iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    const Destination to(AF_INET, b->address, {});
    to.apply(message);
    for (unsigned i = 0; i < count; ++i) {
      ASSERT_EQ(sendmsg(socket->get(), &message, 0), static_cast<ssize_t>(bytes.size()));
    }
    b->turn();
  }

  Bytes clear_datagram(const Bytes& frame) {
    Bytes name(peer_name_bytes);
    store_peer_name(name.data(), peer_a);
    return testing::concat({name, testing::record(peer_a, peer_b, frame)});
  }

  weft::testing::SimWorld world;
  std::unique_ptr<Node> a;
  std::unique_ptr<Node> b;
  End end_a;
  End end_b;
};

TEST_F(OverlayTest, EstablishesBothWaysAndVerifiesTheMtu) {
  connect();

  EXPECT_EQ(end_a.listener->established, 1);
  EXPECT_EQ(end_b.listener->established, 1);
  EXPECT_EQ(end_a.connection->status().mtu, 1438U);
  EXPECT_EQ(end_b.connection->status().mtu, 1438U);
  EXPECT_TRUE(end_a.connection->status().established);
  EXPECT_FALSE(end_a.connection->status().encrypted);
  ASSERT_EQ(b->overlay.describe().size(), 1U);
  EXPECT_EQ(b->overlay.describe()[0].state, "established");
  EXPECT_EQ(b->overlay.describe()[0].address, net::to_string(a->address));
}

TEST_F(OverlayTest, TakesNoFramesBeforeContact) {
  start(end_b, *b, link_of_b());
  pump();

  EXPECT_EQ(send(*b, end_b, peer_b, peer_a, ipv4_frame(100, false)), 0U);
}

TEST_F(OverlayTest, SendsFramesOfATurnInOneDatagramWithoutCopying) {
  connect();
  const Bytes frame = ipv4_frame(200, true);
  const auto before = a->counted("weft_sleeve_datagrams_total", {{"direction", "out"}});

  EXPECT_EQ(send(*a, end_a, peer_a, peer_b, frame, 5), 5U);
  b->turn();

  EXPECT_EQ(a->counted("weft_sleeve_datagrams_total", {{"direction", "out"}}), before + 1);
  EXPECT_EQ(a->counted("weft_sleeve_aggregated_total"), 4U);
  EXPECT_EQ(a->counted("weft_sleeve_copies_total"), 0U);
  EXPECT_EQ(b->dataplane.runs, 1);
  ASSERT_EQ(b->dataplane.arrivals.size(), 5U);
  EXPECT_EQ(b->dataplane.arrivals[4].frame, frame);
  EXPECT_EQ(b->dataplane.arrivals[4].source, peer_a);
  EXPECT_EQ(b->dataplane.arrivals[4].destination, peer_b);
}

TEST_F(OverlayTest, FillsDatagramsNoFurtherThanThePathAllows) {
  connect();

  send(*a, end_a, peer_a, peer_b, ipv4_frame(700, true), 5);  // two fit into 1472 bytes
  b->turn();

  EXPECT_EQ(a->counted("weft_sleeve_aggregated_total"), 2U);
  EXPECT_EQ(b->dataplane.arrivals.size(), 5U);
}

TEST_F(OverlayTest, EncryptsInPlaceWhenAFrameTravelsAlone) {
  connect(golden_key());
  const Bytes frame = ipv4_frame(1414, true);
  ASSERT_EQ(end_a.connection->status().mtu, 1414U);
  EXPECT_TRUE(end_a.connection->status().encrypted);

  send(*a, end_a, peer_a, peer_c, frame);
  b->turn();

  EXPECT_EQ(a->counted("weft_sleeve_copies_total"), 0U);
  ASSERT_EQ(b->dataplane.arrivals.size(), 1U);
  EXPECT_EQ(b->dataplane.arrivals[0].frame, frame);
  EXPECT_EQ(b->dataplane.arrivals[0].destination, peer_c);

  send(*a, end_a, peer_a, peer_b, ipv4_frame(100, true), 3);
  b->turn();
  EXPECT_EQ(a->counted("weft_sleeve_copies_total"), 3U);
  EXPECT_EQ(b->dataplane.arrivals.size(), 4U);
}

TEST_F(OverlayTest, RelaysInPlace) {
  for (const auto& key : {std::optional<SessionKey>{}, std::optional(golden_key())}) {
    connect(key);
    b->dataplane.relay = end_b.connection->forwarder();
    b->dataplane.arrivals.clear();
    a->dataplane.arrivals.clear();
    const Bytes frame = ipv4_frame(300, true);

    send(*a, end_a, peer_c, peer_a, frame);
    b->turn();
    a->turn();

    EXPECT_EQ(b->counted("weft_sleeve_copies_total"), 0U);
    ASSERT_EQ(a->dataplane.arrivals.size(), 1U);
    EXPECT_EQ(a->dataplane.arrivals[0].frame, frame);
    EXPECT_EQ(a->dataplane.arrivals[0].source, peer_c);
  }
}

TEST_F(OverlayTest, AnswersTooBigPacketsFromTheDestinationPeer) {
  connect();

  send(*a, end_a, peer_a, peer_c, ipv4_frame(1500, true));
  a->turn();

  ASSERT_EQ(a->dataplane.arrivals.size(), 1U);
  EXPECT_EQ(a->dataplane.arrivals[0].source, peer_c);
  EXPECT_EQ(a->dataplane.arrivals[0].destination, peer_a);
  EXPECT_EQ(a->dataplane.arrivals[0].frame.size(), 70U);
  EXPECT_EQ(load_be<std::uint16_t>(a->dataplane.arrivals[0].frame.data() + 40), 1438);
}

TEST_F(OverlayTest, LetsTheKernelFragmentOnceTheTestArrived) {
  connect();

  send(*a, end_a, peer_a, peer_b, ipv4_frame(5000, false));
  b->turn();

  ASSERT_EQ(b->dataplane.arrivals.size(), 1U);
  EXPECT_EQ(b->dataplane.arrivals[0].frame.size(), 5014U);
}

TEST_F(OverlayTest, FragmentsItselfBeforeThat) {
  start(end_b, *b, link_of_b());
  start(end_a, *a, link_of_a());
  world.run_for(0ms);

  send(*a, end_a, peer_a, peer_b, ipv4_frame(3000, false));
  b->turn();

  EXPECT_EQ(b->dataplane.arrivals.size(), 3U);
}

TEST_F(OverlayTest, LowersTheMtuWhenTheKernelRefusesADatagram) {
  connect();
  ASSERT_TRUE(set_loopback_mtu(1400));

  send(*a, end_a, peer_a, peer_b, ipv4_frame(1438, true), 3);
  EXPECT_EQ(a->dropped(Drop::message_too_big), 3U);
  pump();

  EXPECT_EQ(end_a.connection->status().mtu, 1338U);
  send(*a, end_a, peer_a, peer_b, ipv4_frame(1338, true));
  b->turn();
  EXPECT_EQ(b->dataplane.arrivals.size(), 1U);
}

TEST_F(OverlayTest, FailsWhenAWeftPeerFallsSilent) {
  connect(golden_key(), 200ms, 700ms);
  ASSERT_EQ(end_a.listener->established, 1);
  pump(600ms);
  pump(600ms);
  pump(600ms);
  EXPECT_TRUE(end_a.listener->failures.empty());

  end_b.connection.reset();
  pump(600ms);
  pump(600ms);

  ASSERT_EQ(end_a.listener->failures.size(), 1U);
  EXPECT_EQ(end_a.listener->failures[0].code, make_error_code(Errc::timeout));
  EXPECT_EQ(send(*a, end_a, peer_a, peer_b, ipv4_frame(100, false)), 0U);
}

TEST_F(OverlayTest, ReplacesAConnectionByItsSuccessor) {
  connect();
  auto old_a = std::move(end_a.connection);
  auto old_b = std::move(end_b.connection);
  end_a.listener = std::make_shared<RecordingListener>();
  end_b.listener = std::make_shared<RecordingListener>();

  connect(golden_key());
  old_a.reset();
  old_b.reset();
  pump();

  EXPECT_EQ(end_a.listener->established, 1);
  send(*a, end_a, peer_a, peer_b, ipv4_frame(100, true));
  b->turn();
  EXPECT_EQ(b->dataplane.arrivals.size(), 1U);
}

TEST_F(OverlayTest, WorksOverIpv6) {
  make_nodes("[::]:0", "[::]:0");
  a->address.address = b->address.address = *net::parse_ip("::1");
  connect(golden_key());

  EXPECT_EQ(end_a.listener->established, 1);
  EXPECT_EQ(end_a.connection->status().mtu, 1394U);
  send(*a, end_a, peer_a, peer_b, ipv4_frame(1394, true));
  b->turn();
  EXPECT_EQ(b->dataplane.arrivals.size(), 1U);
}

TEST_F(OverlayTest, ReachesIpv4PeersThroughItsIpv6Socket) {
  make_nodes("[::]:0", "127.0.0.1:0");
  a->address.address = b->address.address;
  connect();

  EXPECT_EQ(end_a.listener->established, 1);
  EXPECT_EQ(end_b.listener->established, 1);
  EXPECT_EQ(end_a.connection->status().mtu, 1438U);
}

TEST_F(OverlayTest, DropsAndCountsWhatItCannotUse) {
  connect();
  const Bytes good = clear_datagram(ipv4_frame(60, false));
  Bytes stranger = good;
  stranger[5] ^= std::byte{1};
  Bytes cut = good;
  cut.pop_back();
  const Bytes heartbeat_of_another = [] {
    Bytes frame(heartbeat_frame_bytes);
    write_heartbeat(frame, 78);
    return frame;
  }();
  Bytes misdirected = clear_datagram(Bytes(100));
  misdirected[17] ^= std::byte{1};

  inject(Bytes(3));
  inject(stranger);
  inject(cut);
  inject(testing::concat({good, Bytes(7)}));
  inject(clear_datagram(Bytes(13)));
  inject(clear_datagram(heartbeat_of_another));
  inject(misdirected);
  end_b.connection->on_control(9, {});
  pump(2s);  // the kernel is asked every second what it refused

  EXPECT_EQ(b->dropped(Drop::short_datagram), 1U);
  EXPECT_EQ(b->dropped(Drop::unknown_sender), 1U);
  EXPECT_EQ(b->dropped(Drop::bad_length), 1U);
  EXPECT_EQ(b->dropped(Drop::trailing_garbage), 1U);
  EXPECT_EQ(b->dropped(Drop::undecodable_frame), 1U);
  EXPECT_EQ(b->dropped(Drop::wrong_heartbeat), 1U);
  EXPECT_EQ(b->dropped(Drop::misdirected_special), 1U);
  EXPECT_EQ(b->dropped(Drop::bad_control), 1U);
  EXPECT_EQ(b->dropped(Drop::receive_buffer), 0U) << "what the filter refuses is no want of room";
  EXPECT_EQ(b->dataplane.arrivals.size(), 1U);  // the good frame before the garbage
}

TEST_F(OverlayTest, CountsWhatTheReceiveBufferHadNoRoomFor) {
  connect();
  const auto received = [&] {
    return b->counted("weft_sleeve_datagrams_total", {{"direction", "in"}});
  };
  const auto before = received();
  constexpr unsigned sent = 3000;  // of more than twice 1 MiB, the room that there is
  inject_many(clear_datagram(ipv4_frame(1300, false)), sent);
  const auto arrived = received() - before;
  pump(2s);

  EXPECT_GT(arrived, 0U);
  EXPECT_LT(arrived, sent);
  EXPECT_EQ(b->dropped(Drop::receive_buffer), sent - arrived);
}

TEST_F(OverlayTest, KeepsWhatNoPeerSentOutOfItsLanes) {
  if (!SenderFilter::open()) {
    GTEST_SKIP() << "needs CAP_BPF";
  }
  connect(golden_key());
  const auto received = [&] {
    return b->counted("weft_sleeve_datagrams_total", {{"direction", "in"}});
  };
  const auto before = received();

  Bytes stranger = clear_datagram(ipv4_frame(60, false));
  inject(stranger);  // in clear, where the peer's are sealed
  stranger[5] ^= std::byte{1};
  inject(stranger);

  EXPECT_EQ(received(), before);
}

TEST_F(OverlayTest, TakesClearDataFromThePeersAddressOnly) {
  connect();

  inject(clear_datagram(ipv4_frame(60, false)), "127.0.0.9");
  EXPECT_EQ(b->dropped(Drop::wrong_address), 1U);
  EXPECT_TRUE(b->dataplane.arrivals.empty());

  Bytes heartbeat(heartbeat_frame_bytes);
  write_heartbeat(heartbeat, 77);
  inject(clear_datagram(heartbeat), "127.0.0.9");
  inject(clear_datagram(ipv4_frame(60, false)), "127.0.0.9");
  EXPECT_EQ(b->dataplane.arrivals.size(), 1U);
}

TEST_F(OverlayTest, AcceptsNothingInClearOnAnEncryptedConnection) {
  connect(golden_key());

  inject(clear_datagram(ipv4_frame(60, false)));
  pump(2s);

  // Where the kernel filters, it sees first that no sequence word is like this.
  EXPECT_EQ(b->dropped(Drop::forged) + b->dropped(Drop::not_fresh), 1U);
  EXPECT_TRUE(b->dataplane.arrivals.empty());
}

/// Between weft peers, encrypted: time, traffic and control messages of a busy connection.
class OverlayKeysTest : public OverlayTest {
 protected:
  void connect_weft_peers() { connect(golden_key(), 1s, 10s); }

  /// A second after another: each side sends a frame before and after control messages travel.
  void run_with_traffic(int seconds) {
    const Bytes frame = ipv4_frame(100, true);
    for (int second = 0; second < seconds; ++second) {
      world.run_for(1s);
      for (int half = 0; half < 2; ++half) {
        sent += send(*a, end_a, peer_a, peer_b, frame);
        sent += send(*b, end_b, peer_b, peer_a, frame);
        a->turn();
        b->turn();
        carry(end_a, end_b);
        carry(end_b, end_a);
        world.run_for(0ms);
      }
    }
  }
  [[nodiscard]] std::size_t arrived() const {
    return a->dataplane.arrivals.size() + b->dataplane.arrivals.size();
  }
  [[nodiscard]] static std::string cipher_of(const Node& node) {
    return node.overlay.describe().at(0).cipher;
  }

  std::size_t sent = 0;
};

TEST_F(OverlayKeysTest, GoesOnToAnAeadAtOnce) {
  connect_weft_peers();

  EXPECT_EQ(cipher_of(*a), to_string(Ciphers().usable().best_common(Ciphers().usable())));
  EXPECT_EQ(cipher_of(*b), cipher_of(*a));
  EXPECT_EQ(end_a.connection->status().mtu, 1414U) << "as with secretbox";
  run_with_traffic(2);
  EXPECT_EQ(arrived(), sent);
}

TEST_F(OverlayKeysTest, StaysWithSecretboxTowardsOriginals) {
  connect(golden_key());

  EXPECT_EQ(cipher_of(*a), "xsalsa20-poly1305");
  for (const auto& [subtag, body] : end_a.listener->controls) {
    EXPECT_LE(subtag, 3);
  }
  run_with_traffic(2);
  EXPECT_EQ(arrived(), sent);
}

TEST_F(OverlayKeysTest, StaysWithSecretboxTowardsAPeerThatIgnoresOffers) {
  const auto link = [](OverlayLink of, std::chrono::milliseconds heartbeat) {
    of.session_key = golden_key();
    of.heartbeat = heartbeat;
    of.timeout = 10 * heartbeat;
    return of;
  };
  start(end_b, *b, link(link_of_b(), 0ms));
  start(end_a, *a, link(link_of_a(), 1s));
  pump();

  EXPECT_EQ(b->dropped(Drop::bad_control), 1U);
  EXPECT_EQ(cipher_of(*a), "xsalsa20-poly1305");
  run_with_traffic(200);
  EXPECT_EQ(arrived(), sent);
  EXPECT_TRUE(end_a.listener->failures.empty());
}

TEST_F(OverlayKeysTest, LosesNoFrameWhileKeysChange) {
  connect_weft_peers();

  run_with_traffic(400);

  EXPECT_EQ(arrived(), sent);
  EXPECT_EQ(sent, 1600U);
  EXPECT_EQ(a->counted("weft_sleeve_rekeys_total"), 4U);
  EXPECT_EQ(b->counted("weft_sleeve_rekeys_total"), 4U);
  EXPECT_EQ(a->dropped(Drop::forged) + b->dropped(Drop::forged), 0U);
  EXPECT_EQ(a->dropped(Drop::replayed) + b->dropped(Drop::replayed), 0U);
}

TEST_F(OverlayKeysTest, FailsWhenFreshKeysCannotBeAgreedOn) {
  connect_weft_peers();
  for (int second = 0; second < 190; ++second) {
    world.run_for(1s);
    a->turn();
    b->turn();
    for (End* const end : {&end_a, &end_b}) {
      end->listener->controls.clear();
    }
  }

  ASSERT_EQ(end_a.listener->failures.size(), 1U);
  EXPECT_NE(end_a.listener->failures[0].message().find("fresh keys"), std::string::npos);
  EXPECT_EQ(send(*a, end_a, peer_a, peer_b, ipv4_frame(100, false)), 0U);
}

}  // namespace
}  // namespace weft::sleeve
