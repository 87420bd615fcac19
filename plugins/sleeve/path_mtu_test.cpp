/// The search for a connection's MTU, and what makes it begin again.
#include "path_test_support.hpp"

#include <set>

namespace weft::sleeve {
namespace {

using namespace testing;

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

  link.run(link.path.on_message_too_big(link.now));

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
  link.run(link.path.on_message_too_big(link.now));
  EXPECT_EQ(link.path.mtu(), 1438U);
  link.advance(40s);
  EXPECT_EQ(link.path.mtu(), 1300U);
}

TEST(Path, RaisesTheMtuAgainWithoutLosingTraffic) {
  Link link(dialled());
  link.establish();
  link.interface_mtu = 1400;
  link.run(link.path.on_message_too_big(link.now));
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

TEST(Path, NoticesAPathThatShrinksInSilenceWithinSecondsAndMissesLittleOfWhatItCarries) {
  for (const std::uint32_t carried : {500U, 1200U, 1400U}) {
    Link link(dialled());
    link.establish();
    link.advance(5min + 1s);
    link.real_mtu = carried;

    link.advance(6300ms);

    EXPECT_LE(link.path.mtu(), carried);
    EXPECT_GE(link.path.mtu() + 1438 / 8, carried);
  }
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

}  // namespace
}  // namespace weft::sleeve
