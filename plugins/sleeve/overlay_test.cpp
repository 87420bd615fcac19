/// Two overlays exchange frames: contact, aggregation, path MTU, relays, drops, successors.
#include "interop/router_reports.hpp"
#include "overlay_test_support.hpp"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include <fstream>

namespace weft::sleeve {
namespace {

using namespace testing;
using frames::forge_report;

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
  b->cycle();

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
  b->cycle();

  EXPECT_EQ(a->counted("weft_sleeve_aggregated_total"), 2U);
  EXPECT_EQ(b->dataplane.arrivals.size(), 5U);
}

TEST_F(OverlayTest, EncryptsInPlaceWhenAFrameTravelsAlone) {
  connect(golden_key());
  const Bytes frame = ipv4_frame(1414, true);
  ASSERT_EQ(end_a.connection->status().mtu, 1414U);
  EXPECT_TRUE(end_a.connection->status().encrypted);

  send(*a, end_a, peer_a, peer_c, frame);
  b->cycle();

  EXPECT_EQ(a->counted("weft_sleeve_copies_total"), 0U);
  ASSERT_EQ(b->dataplane.arrivals.size(), 1U);
  EXPECT_EQ(b->dataplane.arrivals[0].frame, frame);
  EXPECT_EQ(b->dataplane.arrivals[0].destination, peer_c);

  send(*a, end_a, peer_a, peer_b, ipv4_frame(100, true), 3);
  b->cycle();
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
    b->cycle();
    a->cycle();

    EXPECT_EQ(b->counted("weft_sleeve_copies_total"), 0U);
    ASSERT_EQ(a->dataplane.arrivals.size(), 1U);
    EXPECT_EQ(a->dataplane.arrivals[0].frame, frame);
    EXPECT_EQ(a->dataplane.arrivals[0].source, peer_c);
  }
}

TEST_F(OverlayTest, AnswersTooBigPacketsFromTheDestinationPeer) {
  connect();

  send(*a, end_a, peer_a, peer_c, ipv4_frame(1500, true));
  a->cycle();

  ASSERT_EQ(a->dataplane.arrivals.size(), 1U);
  EXPECT_EQ(a->dataplane.arrivals[0].source, peer_c);
  EXPECT_EQ(a->dataplane.arrivals[0].destination, peer_a);
  EXPECT_EQ(a->dataplane.arrivals[0].frame.size(), 70U);
  EXPECT_EQ(load_be<std::uint16_t>(a->dataplane.arrivals[0].frame.data() + 40), 1438);
}

TEST_F(OverlayTest, LetsTheKernelFragmentOnceTheTestArrived) {
  connect();

  send(*a, end_a, peer_a, peer_b, ipv4_frame(5000, false));
  b->cycle();

  ASSERT_EQ(b->dataplane.arrivals.size(), 1U);
  EXPECT_EQ(b->dataplane.arrivals[0].frame.size(), 5014U);
}

TEST_F(OverlayTest, FragmentsItselfBeforeThat) {
  start(end_b, *b, link_of_b());
  start(end_a, *a, link_of_a());
  world.run_for(0ms);

  send(*a, end_a, peer_a, peer_b, ipv4_frame(3000, false));
  b->cycle();

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
  b->cycle();
  EXPECT_EQ(b->dataplane.arrivals.size(), 1U);
}

TEST_F(OverlayTest, SendsWhatPassesWhateverTheKernelWasToldByIcmp) {
  connect();
  for (int port = 0; port < 20;
       ++port) {  // it is believed by one of the port's sockets, or by none
    forge_report(a->address, {b->address.address, static_cast<std::uint16_t>(port + 1)}, 600);
  }
  forge_report(a->address, b->address, 600);

  for (const bool is_df : {true, false}) {
    send(*a, end_a, peer_a, peer_b, ipv4_frame(1438, is_df), 3);
  }
  b->cycle();

  EXPECT_EQ(a->dropped(Drop::message_too_big), 0U);
  EXPECT_EQ(b->dataplane.arrivals.size(), 6U);
  const auto route = overlay::query_route_mtu(b->address.address, a->address.address);
  EXPECT_EQ(route.value(), (overlay::RouteMtu{1500, 1500})) << "nor do others' datagrams suffer";
}

TEST_F(OverlayTest, TestsTheMtuWhenSomebodyReportsThatItIsTooLarge) {
  connect();
  const auto sent = [&] {
    return a->counted("weft_sleeve_datagrams_total", {{"direction", "out"}});
  };
  const auto before = sent();

  a->host.loop().run([&] { a->overlay.on_too_big_report({{b->address.address, 9}, 600}); });
  EXPECT_EQ(sent(), before) << "about another peer";
  a->host.loop().run([&] { a->overlay.on_too_big_report({b->address, 600}); });
  EXPECT_EQ(sent(), before + 3) << "the least MTU, the reported one, and the one in use";
  pump(5s);

  EXPECT_EQ(end_a.connection->status().mtu, 1438U);
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
  b->cycle();
  EXPECT_EQ(b->dataplane.arrivals.size(), 1U);
}

/// A link whose only station, this one, has the address 10.9.0.1/24: what is sent to others waits
/// for an answer to ARP, however much it is.
UniqueFd make_lonely_link() {
  UniqueFd tap(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  WEFT_CHECK(ioctl(tap.get(), TUNSETIFF, &request) == 0, "root makes taps");
  auto& address = reinterpret_cast<sockaddr_in&>(request.ifr_addr);
  address = {
      .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(0x0A09'0001)}, .sin_zero = {}};
  WEFT_CHECK(ioctl(socket.get(), SIOCSIFADDR, &request) == 0, "a tap gets an address");
  address.sin_addr.s_addr = htonl(0xFFFF'FF00);
  WEFT_CHECK(ioctl(socket.get(), SIOCSIFNETMASK, &request) == 0, "a tap gets a mask");
  request.ifr_flags = IFF_UP;
  WEFT_CHECK(ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0, "a tap comes up");
  const std::string settings = std::string("/proc/sys/net/ipv4/neigh/") + request.ifr_name;
  std::ofstream(settings + "/unres_qlen_bytes") << (1 << 30);
  return tap;
}

TEST_F(OverlayTest, DropsOnlyFramesOfThePeerWhoseQueueIsFull) {
  const UniqueFd tap = make_lonely_link();
  make_nodes("0.0.0.0:0", "127.0.0.1:0");
  a->address.address = b->address.address;
  connect();
  OverlayLink link = link_of_a();
  link.remote = peer_c;
  link.local_address.address = *net::parse_ip("10.9.0.1");
  link.remote_address.address = *net::parse_ip("10.9.0.2");
  End end_c;
  start(end_c, *a, link);
  world.run_for(0ms);
  const Bytes frame = ipv4_frame(1000, true);

  for (int round = 0; round < 400 && a->dropped(Drop::would_block) == 0; ++round) {
    EXPECT_EQ(send(*a, end_c, peer_a, peer_c, frame, 64), 64U);
  }
  send(*a, end_a, peer_a, peer_b, frame, 10);
  b->cycle();

  EXPECT_GT(a->dropped(Drop::would_block), 0U);
  EXPECT_EQ(b->dataplane.arrivals.size(), 10U);
}

TEST_F(OverlayTest, GetsNothingAtTheSocketsThatItSendsFrom) {
  make_nodes("[::]:0", "0.0.0.0:0");
  a->address.address = b->address.address = *net::parse_ip("127.0.0.1");
  std::vector<End> others(50);
  for (std::size_t i = 0; i < others.size(); ++i) {
    OverlayLink link = link_of_b();
    link.remote = PeerName{i + 1};
    start(others[i], *b, link);
  }
  connect();

  for (int i = 0; i < 50; ++i) {  // each from a port of its own, which spreads them over sockets
    inject(clear_datagram(ipv4_frame(100, true)));
  }

  EXPECT_EQ(b->dataplane.arrivals.size(), 50U);
}

TEST_F(OverlayTest, WorksOverIpv6) {
  make_nodes("[::]:0", "[::]:0");
  a->address.address = b->address.address = *net::parse_ip("::1");
  connect(golden_key());

  EXPECT_EQ(end_a.listener->established, 1);
  EXPECT_EQ(end_a.connection->status().mtu, 1394U);
  send(*a, end_a, peer_a, peer_b, ipv4_frame(1394, true));
  b->cycle();
  EXPECT_EQ(b->dataplane.arrivals.size(), 1U);
}

TEST_F(OverlayTest, FollowsThePeerToNoAddressOfAnotherFamily) {
  make_nodes("[::]:0", "[::]:0");
  a->address.address = b->address.address = *net::parse_ip("::1");
  connect();
  Bytes heartbeat(heartbeat_frame_bytes);
  write_heartbeat(heartbeat, link_of_a().connection_uid);

  b->address.address = *net::parse_ip("127.0.0.1");
  inject(clear_datagram(heartbeat));
  world.run_for(0ms);

  EXPECT_EQ(b->dropped(Drop::wrong_address), 1U);
  EXPECT_EQ(b->overlay.describe()[0].address, net::to_string(a->address));
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
  // Before the garbage was a good frame; where the kernel filters, it goes with that.
  EXPECT_EQ(b->dataplane.arrivals.size(), SenderFilter::open() ? 0U : 1U);
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
}

TEST_F(OverlayTest, StaysWithThePeerWhenSomebodyCopiesItsHeartbeat) {
  connect();
  Bytes heartbeat(heartbeat_frame_bytes);
  write_heartbeat(heartbeat, 77);

  for (int i = 0; i < 5; ++i) {
    inject(clear_datagram(heartbeat), "127.0.0.9");
    inject(clear_datagram(ipv4_frame(60, false)), "127.0.0.9");
    pump(500ms);
  }

  EXPECT_EQ(b->overlay.describe()[0].address, net::to_string(a->address));
  EXPECT_EQ(b->dropped(Drop::unproven_address), 5U);
  EXPECT_EQ(b->dropped(Drop::wrong_address), 5U);
  send(*b, end_b, peer_b, peer_a, ipv4_frame(100, true));
  a->cycle();
  EXPECT_EQ(a->dataplane.arrivals.size(), 1U);
}

TEST_F(OverlayTest, FollowsAPeerThatMoves) {
  connect();
  end_a.connection.reset();
  world.run_for(0ms);
  a = std::make_unique<Node>(world, peer_a, "127.0.0.9:0");  // its TCP connection stays

  start(end_a, *a, link_of_a());
  pump(1s);

  EXPECT_EQ(b->overlay.describe()[0].address, net::to_string(a->address));
  send(*b, end_b, peer_b, peer_a, ipv4_frame(100, true));
  a->cycle();
  EXPECT_EQ(a->dataplane.arrivals.size(), 1U);
  send(*a, end_a, peer_a, peer_b, ipv4_frame(100, true));
  b->cycle();
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

}  // namespace
}  // namespace weft::sleeve
