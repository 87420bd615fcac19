/// What the kernel is given in one call arrives as if each datagram had been sent alone, and joined
/// datagrams are taken apart where they were joined.
#include "datagram_batch.hpp"

#include <netinet/udp.h>
#include <poll.h>

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include <weft/testing/fake_lanes.hpp>

#include "lane_port.hpp"
#include "lane_receiver.hpp"
#include "runtime/metrics/registry.hpp"
#include "test_support.hpp"

namespace weft::sleeve {
namespace {

using testing::concat;
using testing::ipv4_frame;
using testing::peer_a;
using testing::peer_b;
using testing::record;

constexpr std::uint32_t max_payload = 1472;

/// A bound socket, and how to reach it.
struct Station {
  Station()
      : socket(open_udp({*net::parse_endpoint("127.0.0.1:0"), 8 << 20, 8 << 20}).value()),
        endpoint{net::IpAddress::v4(0x7F000001), overlay::local_of(socket).port} {}

  /// The datagrams that have arrived, as a socket gets them that does not join any.
  [[nodiscard]] std::vector<Bytes> take(std::size_t count) const {
    std::vector<Bytes> taken;
    pollfd wait{socket.get(), POLLIN, 0};
    while (taken.size() < count && ::poll(&wait, 1, 5000) > 0) {
      Bytes datagram(65536);
      datagram.resize(
          static_cast<std::size_t>(::recv(socket.get(), datagram.data(), datagram.size(), 0)));
      taken.push_back(std::move(datagram));
    }
    return taken;
  }

  UniqueFd socket;
  net::Endpoint endpoint;
};

/// Sockets that send as `station`.
Sockets senders_of(const Station& station) {
  Sockets senders;
  for (const DfClass df_class : {DfClass::may_fragment, DfClass::dont_fragment}) {
    senders[static_cast<std::size_t>(df_class)] =
        open_udp_sender(AF_INET, station.endpoint.port, 8 << 20, df_class).value();
  }
  return senders;
}

OverlayLink link_to(const net::Endpoint& remote) {
  OverlayLink link;
  link.local = peer_a;
  link.remote = peer_b;
  link.remote_address = remote;
  return link;
}

class DatagramBatchTest : public ::testing::Test {
 protected:
  DatagramBatchTest() {
    const int off = 0;
    setsockopt(to_.socket.get(), SOL_UDP, UDP_GRO, &off, sizeof off);
    peer_.use_sockets(senders_of(from_));
    direct(to_.endpoint);
  }

  /// Sends what comes to `to`.
  void direct(const net::Endpoint& to) {
    const Destination destination(AF_INET, to, from_.endpoint.address);
    peer_.path.publish(
        std::make_shared<const PathView>(PathView{to, destination, {}, max_payload}));
  }

  /// Adds a datagram in up to three pieces.
  void add(Bytes datagram) {
    const std::size_t third = datagram.size() / 3;
    const Bytes& kept = sent_.emplace_back(std::move(datagram));
    auto* const octets = const_cast<std::byte*>(kept.data());
    if (!batch_.has_room(3)) {
      batch_.transmit(lanes_.lane());
    }
    iovec* const pieces = batch_.next_pieces();
    pieces[0] = {octets, third};
    pieces[1] = {octets + third, third};
    pieces[2] = {octets + 2 * third, kept.size() - 2 * third};
    batch_.add(lanes_.lane(), peer_, peer_.path.read(),
               {3, 1, static_cast<std::uint32_t>(kept.size())});
  }

  Bytes random_datagram(std::size_t bytes) {
    Bytes datagram(bytes);
    std::ranges::generate(datagram, [this] { return static_cast<std::byte>(random_()); });
    return datagram;
  }

  weft::testing::FakeLanes lanes_;
  MetricRegistry metrics_;
  Counters counters_{metrics_};
  LaneEvents events_;
  Doorbell doorbell_;
  Station from_;
  Station to_;
  Peer peer_{lanes_, std::make_shared<PerLane<LanePort>>(std::vector<std::unique_ptr<LanePort>>{}),
             link_to(to_.endpoint), 1};
  DatagramBatch batch_{{counters_, events_, doorbell_}, DfClass::dont_fragment};
  std::vector<Bytes> sent_;
  std::mt19937 random_{7};
};

TEST_F(DatagramBatchTest, CutsMessagesIntoTheDatagramsThatWentIn) {
  sent_.reserve(2000);
  for (int batch = 0; batch < 60; ++batch) {
    const std::size_t bytes = 1 + random_() % max_payload;
    for (std::size_t i = 0, count = 1 + random_() % 30; i < count; ++i) {
      add(random_datagram(bytes));
    }
    add(random_datagram(1 + random_() % max_payload));
    if (batch % 8 == 7) {
      batch_.transmit(lanes_.lane());
      EXPECT_TRUE(to_.take(sent_.size()) == sent_) << batch;
      sent_.clear();
    }
  }
  batch_.transmit(lanes_.lane());

  EXPECT_TRUE(to_.take(sent_.size()) == sent_);
}

TEST_F(DatagramBatchTest, GivesTheKernelATrainAtOnce) {
  const int on = 1;
  setsockopt(to_.socket.get(), SOL_UDP, UDP_GRO, &on, sizeof on);
  sent_.reserve(100);
  for (int i = 0; i < 50; ++i) {
    add(random_datagram(1000));
  }
  batch_.transmit(lanes_.lane());

  const auto arrived = to_.take(1);  // over loopback what was given at once stays together
  ASSERT_EQ(arrived.size(), 1U);
  EXPECT_EQ(arrived[0].size(), 50'000U);
}

TEST_F(DatagramBatchTest, SendsApartWhatTheKernelDoesNotCut) {
  const int on = 1;  // the kernel cuts nothing without checksums
  ASSERT_EQ(
      setsockopt(peer_.socket(DfClass::dont_fragment), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
  sent_.reserve(100);
  for (int i = 0; i < 20; ++i) {
    add(random_datagram(1000));
  }
  add(random_datagram(10));
  const TimePoint now = lanes_.lane().now();
  batch_.transmit(lanes_.lane());

  EXPECT_TRUE(to_.take(sent_.size()) == sent_);
  EXPECT_EQ(counters_.datagrams_out.value(), 21U);
  EXPECT_EQ(peer_.frames_out.value(), 21U);
  EXPECT_FALSE(peer_.may_segment(now));
  EXPECT_TRUE(peer_.may_segment(now + std::chrono::seconds{10}));
}

/// Keeps what it gets, and writes into the headroom that it was promised, as a relay would.
class Relay final : public Dataplane {
 public:
  void from_bridge(Lane& /*lane*/, std::span<const Frame> /*batch*/) noexcept override {}
  void from_overlay(Lane& /*lane*/, const OverlayBatch& batch) noexcept override {
    for (const Frame& frame : batch.frames) {
      std::fill_n(frame.data - frame.headroom, frame.headroom, std::byte{0xEE});
      frames.push_back(frame);
    }
  }
  void set_bridge_port(std::shared_ptr<BridgePort> /*port*/) override {}

  std::vector<Frame> frames;  // of this poll cycle
};

TEST_F(DatagramBatchTest, TakesApartWhatTheKernelJoined) {
  Relay relay;
  const Station station;
  auto known = std::make_shared<Peer>(
      lanes_, std::make_shared<PerLane<LanePort>>(std::vector<std::unique_ptr<LanePort>>{}),
      link_to(from_.endpoint), 1);
  PeerTable peers(lanes_);
  peers.set(known->name, known);
  LaneReceiver receiver({peer_a, relay, peers, counters_, events_, doorbell_});
  direct(station.endpoint);

  std::vector<Bytes> frames;
  Bytes sender(6);
  store_peer_name(sender.data(), peer_b);
  sent_.reserve(1000);
  for (const std::size_t bytes : {60U, 900U, 1400U}) {
    for (std::size_t i = 0; i < 40; ++i) {
      const Bytes frame = ipv4_frame(bytes - (i == 39 ? 7 : 0), true);
      const Bytes one = concat({sender, record(peer_b, peer_a, frame)});
      frames.push_back(frame);
      if (i % 2 == 0) {
        add(one);
        continue;
      }
      add(concat({one, record(peer_b, peer_a, frame)}).size() <= max_payload
              ? concat({one, record(peer_b, peer_a, frame)})
              : one);
      if (sent_.back().size() != one.size()) {
        frames.push_back(frame);
      }
    }
  }
  batch_.transmit(lanes_.lane());
  receiver.begin_cycle();
  pollfd wait{station.socket.get(), POLLIN, 0};
  while (relay.frames.size() < frames.size() && ::poll(&wait, 1, 5000) > 0) {
    EXPECT_NE(receiver.receive(lanes_.lane(), station.socket.get(), 64), 0U);
  }

  ASSERT_EQ(relay.frames.size(), frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const ByteView octets = relay.frames[i].bytes();
    EXPECT_TRUE(std::ranges::equal(octets, frames[i])) << i;
  }
  EXPECT_EQ(counters_.datagrams_in.value(), sent_.size());
}

}  // namespace
}  // namespace weft::sleeve
