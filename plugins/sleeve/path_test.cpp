/// Contact, addresses, establishment and liveness of a connection.
#include "path_test_support.hpp"

namespace weft::sleeve {
namespace {

using namespace testing;

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
  Link link(between_weft_peers());
  link.establish();
  link.peer_is_alive = false;

  link.now += 5s;
  link.run(link.path.on_timer(link.now, start));
  EXPECT_FALSE(link.has_failed);
  link.advance(700ms);
  EXPECT_TRUE(link.has_failed);
}

TEST(Path, AnswersTestsByControlMessage) {
  Path path(dialled());
  const Actions fragmentation = path.on_fragmentation_test();
  const Actions mtu = path.on_mtu_test(1432);

  EXPECT_EQ(find<action::SendControl>(fragmentation)->tag, ControlTag::fragmentation_received);
  EXPECT_EQ(find<action::SendControl>(mtu)->tag, ControlTag::mtu_verified);
  EXPECT_EQ(find<action::SendControl>(mtu)->body, verified(1418));
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
