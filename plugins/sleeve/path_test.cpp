/// The connection's state machine with a clock that the test moves.
#include "path.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "datagram.hpp"

namespace weft::sleeve {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1h};
constexpr std::uint64_t uid = 0x0123456789abcdef;

net::Endpoint endpoint(const char* text) {
  return *net::parse_endpoint(text);
}

PathConfig dialled() {
  return {.connection_uid = uid,
          .remote = endpoint("10.99.0.2:6783"),
          .packet_header_bytes = clear_header_bytes,
          .heartbeat = 0ms,
          .timeout = 0ms,
          .random = [number = std::uint64_t{0}]() mutable { return number++; }};
}

PathConfig accepted() {
  PathConfig config = dialled();
  config.remote.reset();
  return config;
}

PathConfig between_weft_peers() {
  PathConfig config = dialled();
  config.heartbeat = 200ms;
  config.timeout = 700ms;
  return config;
}

template <class T>
std::size_t count(const Actions& actions) {
  return static_cast<std::size_t>(std::ranges::count_if(
      actions, [](const Action& action) { return std::holds_alternative<T>(action); }));
}

template <class T>
const T* find(const Actions& actions) {
  for (const Action& action : actions) {
    if (const auto* const found = std::get_if<T>(&action)) {
      return found;
    }
  }
  return nullptr;
}

Bytes verified(std::uint32_t mtu) {
  Bytes body(2);
  store_be(body.data(), static_cast<std::uint16_t>(mtu));
  return body;
}

underlay::RouteMtu route(std::uint32_t mtu) {
  return {mtu, mtu};
}

/// Runs a path against a peer that answers tests up to `real_mtu`, over an interface of
/// `interface_mtu` and a kernel that was told of `reported_mtu`. Time passes only in advance().
class Link {
 public:
  explicit Link(const PathConfig& config) : path(config) {}

  void run(const Actions& actions) {
    for (const Action& action : actions) {
      heartbeats += std::holds_alternative<action::SendHeartbeat>(action) ? 1 : 0;
      fragmentation_tests += std::holds_alternative<action::SendFragmentationTest>(action) ? 1 : 0;
      has_failed |= std::holds_alternative<action::Fail>(action);
      remotes += std::holds_alternative<action::RemoteChanged>(action) ? 1 : 0;
      refusals += std::holds_alternative<action::MoveRefused>(action) ? 1 : 0;
      if (const auto* const probe = std::get_if<action::SendAddressProbe>(&action)) {
        probed.push_back(probe->to);
        if (probe->to == peer_at || probe->to == relay_at) {
          run(*path.on_control(3, verified(probe->mtu), now));
        }
      }
      if (std::holds_alternative<action::QueryRoute>(action)) {
        run(path.on_route({interface_mtu, std::min(reported_mtu, interface_mtu)}, now));
      }
      if (const auto* const test = std::get_if<action::SendMtuTest>(&action)) {
        tests.push_back(test->mtu);
        if (test->mtu <= real_mtu) {
          run(*path.on_control(3, verified(test->mtu), now));
        }
      }
    }
  }

  void advance(Duration by) {
    const TimePoint end = now + by;
    while (path.next_deadline() && *path.next_deadline() <= end) {
      now = std::max(now, *path.next_deadline());
      if (peer_is_alive) {
        run(path.on_heartbeat(*peer_at, now));
      }
      run(path.on_timer(now, last_heard));
    }
    now = end;
  }

  void establish() {
    run(path.confirm(now));
    run(path.on_heartbeat(endpoint("10.99.0.2:6783"), now));
    run(*path.on_control(1, {}, now));
  }

  Path path;
  TimePoint now = start;
  TimePoint last_heard{};
  std::uint32_t interface_mtu = 1500;
  std::uint32_t reported_mtu = UINT32_MAX;
  std::uint32_t real_mtu = 65535;
  bool peer_is_alive = true;
  std::optional<net::Endpoint> peer_at = endpoint("10.99.0.2:6783");
  std::optional<net::Endpoint> relay_at{};  // whatever is sent here reaches the peer too
  int remotes = 0;
  int refusals = 0;
  std::vector<net::Endpoint> probed;
  bool has_failed = false;
  int heartbeats = 0;
  int fragmentation_tests = 0;
  std::vector<std::uint32_t> tests;
};

TEST(Path, SendsAHeartbeatOnConfirmationWhenItDialled) {
  Path path(dialled());
  EXPECT_EQ(count<action::SendHeartbeat>(path.confirm(start)), 1U);
  EXPECT_EQ(path.next_deadline(), start + 500ms);
}

TEST(Path, WaitsForContactWhenItAccepted) {
  Path path(accepted());
  EXPECT_TRUE(path.confirm(start).empty());
  EXPECT_FALSE(path.remote());

  const Actions actions = path.on_heartbeat(endpoint("192.0.2.7:40000"), start + 1s);

  EXPECT_EQ(path.remote(), endpoint("192.0.2.7:40000"));
  EXPECT_EQ(count<action::RemoteChanged>(actions), 1U);
  EXPECT_EQ(count<action::SendHeartbeat>(actions), 1U);
  EXPECT_EQ(find<action::SendControl>(actions)->tag, ControlTag::established);
}

TEST(Path, AcknowledgesTheFirstHeartbeatOnly) {
  Path path(dialled());
  (void)path.confirm(start);
  EXPECT_EQ(count<action::SendControl>(path.on_heartbeat(endpoint("10.99.0.2:6783"), start)), 1U);
  EXPECT_EQ(count<action::SendControl>(path.on_heartbeat(endpoint("10.99.0.2:6783"), start)), 0U);
}

TEST(Path, FollowsThePeerToANewAddressWhereItAnswers) {
  for (const PathConfig& config : {dialled(), between_weft_peers()}) {
    Link link(config);
    link.establish();
    link.peer_at = endpoint("10.99.0.3:6783");

    link.run(link.path.on_heartbeat(*link.peer_at, link.now));
    EXPECT_EQ(link.path.remote(), endpoint("10.99.0.2:6783")) << "until the old one had its time";
    link.advance(620ms);

    EXPECT_EQ(link.path.remote(), endpoint("10.99.0.3:6783"));
    EXPECT_EQ(link.remotes, 2) << "with the first";
  }
}

TEST(Path, IsNotMovedByACopiedHeartbeat) {
  Link link(between_weft_peers());
  link.establish();
  link.remotes = 0;
  link.run(*link.path.on_control(2, {}, link.now));

  for (int i = 0; i < 100; ++i) {
    link.run(link.path.on_heartbeat(endpoint("192.0.2.9:4000"), link.now));
    EXPECT_EQ(link.path.remote(), endpoint("10.99.0.2:6783"));
    link.advance(100ms);
  }

  EXPECT_EQ(link.remotes, 0);
  EXPECT_LE(link.refusals, 4);
  EXPECT_GE(link.refusals, 3);
  EXPECT_LE(std::ranges::count(link.probed, endpoint("192.0.2.9:4000")), 20);
  EXPECT_TRUE(link.path.kernels_fragment());
  EXPECT_EQ(link.path.mtu(), 1438U);
}

TEST(Path, StaysWithAPeerThatAnswersAsBeforeEvenIfProbesAreRelayedToIt) {
  Link link(between_weft_peers());
  link.establish();
  link.relay_at = endpoint("192.0.2.9:4000");

  for (int i = 0; i < 100; ++i) {
    link.run(link.path.on_heartbeat(*link.relay_at, link.now));
    link.advance(100ms);
    EXPECT_EQ(link.path.remote(), endpoint("10.99.0.2:6783"));
  }
}

TEST(Path, TakesNoCopiedHeartbeatForASignOfLife) {
  Link link(between_weft_peers());
  link.establish();
  link.peer_is_alive = false;
  for (int i = 0; i < 20; ++i) {
    link.run(link.path.on_heartbeat(endpoint("192.0.2.9:4000"), link.now));
    link.advance(100ms);
  }
  EXPECT_TRUE(link.has_failed);
}

TEST(Path, FollowsADialledPeerThatAnswersFromElsewhere) {
  Link link(dialled());
  link.relay_at = endpoint("10.99.0.3:6783");  // both addresses are the peer's
  link.run(link.path.confirm(link.now));

  link.run(link.path.on_heartbeat(endpoint("10.99.0.3:6783"), link.now));

  EXPECT_EQ(link.path.remote(), endpoint("10.99.0.3:6783"));
}

TEST(Path, IgnoresHeartbeatsOfOtherConnections) {
  const Path path(dialled());
  EXPECT_TRUE(path.is_ours(uid));
  EXPECT_FALSE(path.is_ours(uid + 1));
}

TEST(Path, SlowsDownOnceAnOriginalIsEstablished) {
  Link link(dialled());
  link.run(link.path.confirm(link.now));
  link.advance(5s);
  EXPECT_EQ(link.heartbeats, 11);

  link.run(*link.path.on_control(1, {}, link.now));
  link.heartbeats = 0;
  link.advance(30s);

  EXPECT_TRUE(link.path.is_established());
  EXPECT_EQ(link.heartbeats, 3);
}

TEST(Path, EstablishesOnceHoweverOftenItIsTold) {
  Link link(dialled());
  link.establish();

  const auto again = link.path.on_control(1, {}, link.now);

  ASSERT_TRUE(again);
  EXPECT_TRUE(again->empty());
  EXPECT_EQ(link.fragmentation_tests, 1);
}

TEST(Path, IsNotEstablishedByAPeerItHasNotHeardFrom) {
  Path path(accepted());
  (void)path.confirm(start);

  const auto actions = path.on_control(1, {}, start);

  ASSERT_TRUE(actions);
  EXPECT_TRUE(actions->empty());
  EXPECT_FALSE(path.is_established());
}

TEST(Path, GivesAnOriginalSixtySeconds) {
  Link link(dialled());
  link.establish();
  link.peer_is_alive = false;
  link.last_heard = link.now + 1h;  // data alone does not count

  link.advance(59s);
  EXPECT_FALSE(link.has_failed);
  link.advance(2s);
  EXPECT_TRUE(link.has_failed);
  EXPECT_FALSE(link.path.next_deadline());
}

TEST(Path, HoldsAWeftPeerToTheAgreedTimes) {
  Link link(between_weft_peers());
  link.establish();
  link.heartbeats = 0;

  link.advance(2s);
  EXPECT_EQ(link.heartbeats, 10);
  EXPECT_FALSE(link.has_failed);

  link.peer_is_alive = false;
  link.advance(699ms);
  EXPECT_FALSE(link.has_failed);
  link.advance(200ms);
  EXPECT_TRUE(link.has_failed);
}

TEST(Path, TakesDataOfAWeftPeerAsASignOfLife) {
  Link link(between_weft_peers());
  link.establish();
  link.peer_is_alive = false;
  for (int i = 0; i < 20; ++i) {
    link.last_heard = link.now;
    link.advance(300ms);
  }
  EXPECT_FALSE(link.has_failed);
}

TEST(Path, GivesAWeftPeerTimeToConfirm) {
  Link link(between_weft_peers());
  link.peer_is_alive = false;
  link.run(link.path.confirm(link.now));
  link.advance(30s);
  EXPECT_FALSE(link.has_failed);
}

TEST(Path, DoesNotBlameThePeerForItsOwnStall) {
  Path path(between_weft_peers());
  (void)path.confirm(start);
  (void)path.on_heartbeat(endpoint("10.99.0.2:6783"), start);

  EXPECT_EQ(count<action::Fail>(path.on_timer(start + 5s, start)), 0U);
  EXPECT_EQ(count<action::Fail>(path.on_timer(start + 5s + 700ms, start)), 1U);
}

TEST(Path, AnswersTestsByControlMessage) {
  Path path(dialled());
  const Actions fragmentation = path.on_fragmentation_test();
  const Actions mtu = path.on_mtu_test(1432);

  EXPECT_EQ(find<action::SendControl>(fragmentation)->tag, ControlTag::fragmentation_received);
  EXPECT_EQ(find<action::SendControl>(mtu)->tag, ControlTag::mtu_verified);
  EXPECT_EQ(find<action::SendControl>(mtu)->body, verified(1418));
}

TEST(Path, VerifiesTheInterfacesMtuAtOnce) {
  Link link(dialled());
  link.establish();

  EXPECT_EQ(link.tests, std::vector<std::uint32_t>{1438});
  EXPECT_EQ(link.path.mtu(), 1438U);
  EXPECT_EQ(link.path.max_payload(), 1472U);
  EXPECT_FALSE(link.path.is_searching());
}

TEST(Path, CountsTheHeadersOfEncryptionAndIpv6) {
  PathConfig config = dialled();
  config.packet_header_bytes = sealed_header_bytes;
  Link encrypted(config);
  encrypted.establish();
  EXPECT_EQ(encrypted.path.mtu(), 1414U);

  config.remote = endpoint("[fd00::2]:6783");
  Path ipv6(config);
  (void)ipv6.confirm(start);
  (void)ipv6.on_route(route(1500), start);
  EXPECT_EQ(ipv6.mtu(), 1394U);
}

TEST(Path, NeverExceedsWhatUdpCarries) {
  Link link(dialled());
  link.interface_mtu = 65536;
  link.establish();
  EXPECT_EQ(link.path.max_payload(), max_datagram_bytes);
}

TEST(Path, FindsAnMtuThatRoutersKeepSilentAbout) {
  Link link(dialled());
  link.real_mtu = 1111;
  link.establish();

  link.advance(60s);

  EXPECT_FALSE(link.path.is_searching());
  EXPECT_EQ(link.path.mtu(), 1111U);
}

TEST(Path, RepeatsATestEightTimesOver2550Milliseconds) {
  Link link(dialled());
  link.real_mtu = 1000;
  link.establish();
  link.advance(2549ms);
  EXPECT_EQ(link.tests, std::vector<std::uint32_t>(8, 1438));

  link.advance(1ms);
  EXPECT_EQ(link.tests[8], (68U + 1438U + 1) / 2);
}

TEST(Path, BelievesInNoMinimumAboveTheProtocols) {
  Link link(dialled());
  link.real_mtu = 0;
  link.establish();
  link.advance(30s);
  EXPECT_EQ(link.path.mtu(), 68U);
  EXPECT_FALSE(link.has_failed);

  link.real_mtu = 65535;
  link.advance(30s);
  EXPECT_EQ(link.path.mtu(), 1438U);
}

TEST(Path, BelievesALateAnswer) {
  Link link(dialled());
  link.real_mtu = 0;
  link.establish();
  link.advance(3s);  // 1438 was given up

  link.run(*link.path.on_control(3, verified(1438), link.now));

  EXPECT_EQ(link.path.mtu(), 1438U);
  EXPECT_FALSE(link.path.is_searching());
}

TEST(Path, IgnoresAnswersAboveThePathAndBelowSense) {
  Link link(dialled());
  link.establish();
  link.run(*link.path.on_control(3, verified(9000), link.now));
  link.run(*link.path.on_control(3, verified(20), link.now));
  EXPECT_EQ(link.path.mtu(), 1438U);
}

TEST(Path, FollowsTheInterfaceDownAtOnce) {
  Link link(dialled());
  link.establish();
  link.interface_mtu = 1400;

  link.run(link.path.on_message_too_big());

  EXPECT_EQ(link.path.mtu(), 1338U);
  EXPECT_EQ(link.path.max_payload(), 1372U);
}

TEST(Path, KeepsAnMtuThatPassesWhateverIcmpSays) {
  Link link(dialled());
  link.establish();
  std::set<std::uint32_t> seen;
  link.tests.clear();

  for (int i = 0; i < 1000; ++i) {
    link.reported_mtu = 552;  // the kernel may have been told too
    link.run(link.path.on_too_big_report(552, link.now));
    link.advance(10ms);
    seen.insert(link.path.mtu());
  }

  EXPECT_EQ(seen, std::set<std::uint32_t>{1438});
  EXPECT_LE(link.tests.size(), 30U) << "three a second, however many reports arrive";
  link.advance(30min);
  EXPECT_EQ(link.path.mtu(), 1438U);
}

TEST(Path, BeginsAtTheInterfacesMtuWhateverTheKernelWasTold) {
  Link link(dialled());
  link.reported_mtu = 552;
  link.establish();

  EXPECT_EQ(link.path.mtu(), 1438U);
  EXPECT_FALSE(link.path.is_searching());
}

TEST(Path, LowersTheMtuSoonWhenAReportIsTrue) {
  Link link(dialled());
  link.establish();
  link.advance(5min);
  link.real_mtu = 1338;

  link.run(link.path.on_too_big_report(1400, link.now));
  EXPECT_EQ(link.path.mtu(), 1438U) << "until tests failed";
  link.advance(2600ms);

  EXPECT_EQ(link.path.mtu(), 1338U);
  EXPECT_FALSE(link.path.kernels_fragment());
  link.advance(3s);
  EXPECT_FALSE(link.path.is_searching()) << "the report is right, so one more test ends the search";
  EXPECT_EQ(link.path.mtu(), 1338U);
}

TEST(Path, LowersTheMtuToWhatPassesWhenAReportExaggerates) {
  for (const std::uint32_t reported : {0U, 100U, 600U, 1450U}) {
    Link link(dialled());
    link.establish();
    link.real_mtu = 1200;
    link.run(link.path.on_too_big_report(reported, link.now));
    link.advance(40s);
    EXPECT_EQ(link.path.mtu(), 1200U) << reported;
  }
}

TEST(Path, UsesAReportedMtuWhileItSearchesForMore) {
  Link link(dialled());
  link.real_mtu = 1338;
  link.reported_mtu = 1400;
  link.establish();

  EXPECT_EQ(link.path.mtu(), 1338U);
  link.advance(6s);
  EXPECT_EQ(link.path.mtu(), 1338U);
  EXPECT_FALSE(link.path.is_searching());
}

TEST(Path, IgnoresReportsOfWhatFits) {
  Link link(dialled());
  link.establish();
  link.tests.clear();
  link.run(link.path.on_too_big_report(1500, link.now));
  link.run(link.path.on_too_big_report(65535, link.now));
  link.advance(1s);
  EXPECT_TRUE(link.tests.empty());
}

TEST(Path, NoticesANarrowPathAlthoughForgedReportsNameTooMuch) {
  Link link(dialled());
  link.establish();
  link.real_mtu = 1000;
  for (int i = 0; i < 400; ++i) {
    link.run(link.path.on_too_big_report(1499, link.now));
    link.advance(100ms);
  }
  EXPECT_EQ(link.path.mtu(), 1000U);
}

TEST(Path, TestsTheMtuWhenTheKernelRefusesWhatTheInterfaceTakes) {
  Link link(dialled());
  link.establish();
  link.real_mtu = 1300;
  link.run(link.path.on_message_too_big());
  EXPECT_EQ(link.path.mtu(), 1438U);
  link.advance(40s);
  EXPECT_EQ(link.path.mtu(), 1300U);
}

TEST(Path, RaisesTheMtuAgainWithoutLosingTraffic) {
  Link link(dialled());
  link.establish();
  link.interface_mtu = 1400;
  link.run(link.path.on_message_too_big());
  link.interface_mtu = 1500;
  link.real_mtu = 1338;
  std::set<std::uint32_t> seen;

  for (int i = 0; i < 1300; ++i) {
    link.advance(1s);
    seen.insert(link.path.mtu());
  }
  EXPECT_EQ(seen, std::set<std::uint32_t>{1338});

  link.real_mtu = 1438;
  link.advance(10min + 1s);
  EXPECT_EQ(link.path.mtu(), 1438U);
}

TEST(Path, LowersTheMtuWhenThePathShrinksInSilence) {
  Link link(dialled());
  link.establish();
  link.advance(5min);
  EXPECT_EQ(link.path.mtu(), 1438U);
  link.real_mtu = 1200;

  link.advance(60s);

  EXPECT_EQ(link.path.mtu(), 1200U);
}

TEST(Path, RaisesAnMtuSoonThatWasLoweredForSilence) {
  Link link(dialled());
  link.establish();
  link.real_mtu = 1200;
  link.advance(60s);
  ASSERT_EQ(link.path.mtu(), 1200U);

  link.real_mtu = 1438;
  link.advance(60s);
  EXPECT_EQ(link.path.mtu(), 1438U);
}

TEST(Path, TriesLessAndLessOftenToRaiseAnMtuThatWasLoweredForSilence) {
  Link link(dialled());
  link.establish();
  link.real_mtu = 1200;
  link.advance(1h);
  link.tests.clear();

  link.advance(1h);

  EXPECT_EQ(link.path.mtu(), 1200U);
  EXPECT_LE(std::ranges::count(link.tests, 1438U), 6 * 8);
}

TEST(Path, LeavesNoFragmentsToTheKernelWhenThePathShrinksInSilence) {
  Link link(dialled());
  link.establish();
  link.run(*link.path.on_control(2, {}, link.now));
  link.real_mtu = 1200;
  link.advance(60s);
  ASSERT_EQ(link.path.mtu(), 1200U);

  EXPECT_FALSE(link.path.kernels_fragment());
  link.run(*link.path.on_control(2, {}, link.now));
  EXPECT_TRUE(link.path.kernels_fragment());
}

TEST(Path, LeavesNoFragmentsToTheKernelOnAPathItDoesNotKnow) {
  Link link(dialled());
  link.establish();
  link.run(*link.path.on_control(2, {}, link.now));
  const int tests = link.fragmentation_tests;

  link.peer_at = endpoint("10.99.0.3:6783");
  link.run(link.path.on_heartbeat(*link.peer_at, link.now));
  link.advance(1s);

  EXPECT_FALSE(link.path.kernels_fragment());
  EXPECT_EQ(link.fragmentation_tests, tests + 1);
}

TEST(Path, AsksTheKernelAgainThatCouldNotAnswer) {
  Path path(dialled());
  (void)path.confirm(start);
  (void)path.on_heartbeat(endpoint("10.99.0.2:6783"), start);
  (void)path.on_control(1, {}, start);
  path.on_no_route(start);

  const Actions actions = path.on_timer(start + 10s, start + 10s);

  EXPECT_EQ(count<action::QueryRoute>(actions), 1U);
  EXPECT_EQ(count<action::SendMtuTest>(path.on_route(route(1500), start + 10s)), 1U);
}

TEST(Path, KeepsTheMtuWhileNoTestArrivesAtAll) {
  Link link(dialled());
  link.establish();
  link.real_mtu = 0;
  std::set<std::uint32_t> seen;

  for (int i = 0; i < 500; ++i) {
    link.advance(1s);
    seen.insert(link.path.mtu());
  }

  EXPECT_EQ(seen, std::set<std::uint32_t>{1438});
}

TEST(Path, KeepsKernelFragmentationWhileItIsTestedAgain) {
  Link link(dialled());
  link.establish();
  EXPECT_FALSE(link.path.kernels_fragment());
  link.run(*link.path.on_control(2, {}, link.now));
  EXPECT_TRUE(link.path.kernels_fragment());

  link.advance(5min + 1s);
  EXPECT_EQ(link.fragmentation_tests, 2);
  EXPECT_TRUE(link.path.kernels_fragment());

  link.advance(20s);  // three tests without an answer
  EXPECT_FALSE(link.path.kernels_fragment());
}

TEST(Path, CountsBadControlMessages) {
  Link link(dialled());
  link.establish();
  EXPECT_FALSE(link.path.on_control(3, Bytes(1), link.now));
  EXPECT_FALSE(link.path.on_control(0, {}, link.now));
  EXPECT_FALSE(link.path.on_control(77, Bytes(100), link.now));
  EXPECT_TRUE(link.path.on_control(2, Bytes(3), link.now));
}

}  // namespace
}  // namespace weft::sleeve
