/// The search for what passes, against paths of every size.
#include <weft/overlay/echoed_mtu.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace weft::overlay {
namespace {

using namespace std::chrono_literals;

constexpr Duration heartbeat = 200ms;
constexpr Duration patience = 700ms;

/// One direction between two peers: heartbeats go out, what arrives is echoed at once.
class Path {
 public:
  Path(std::uint32_t own, std::uint32_t peers, std::uint32_t passing)
      : carries(passing), peers_mtu(peers), search(own, patience), hearing_(patience) {}

  void beat() {
    now += heartbeat;
    const auto sizes = search.sizes(now);
    EXPECT_TRUE(std::ranges::is_sorted(sizes, std::ranges::greater{}));
    sent += sizes.size();
    bool is_news = false;
    for (const std::uint32_t size : sizes) {
      is_news = (size <= carries && hearing_.heard(size, now)) || is_news;
    }
    search.on_echo({peers_mtu, std::min(hearing_.largest(now), peers_mtu)}, now);
  }
  void run(Duration time) {
    for (const TimePoint end = now + time; now < end;) {
      beat();
    }
  }
  [[nodiscard]] std::uint32_t mtu() const { return search.mtu(); }

  std::uint32_t carries;
  std::uint32_t peers_mtu;
  EchoedMtu search;
  TimePoint now{1h};
  std::size_t sent = 0;

 private:
  MtuHearing hearing_;
};

TEST(EchoedMtu, IsKnownWithTheFirstHeartbeatWhereThePathCarriesThePods) {
  Path path(8912, 8912, 9000);
  path.beat();
  EXPECT_EQ(path.mtu(), 8912U);
  path.sent = 0;
  path.run(10s);
  EXPECT_EQ(path.sent, 50U) << "one heartbeat at a time";
}

TEST(EchoedMtu, IsTheSmallerOneOfBothPeersPods) {
  Path path(8912, 1376, 9000);
  path.run(1s);
  EXPECT_EQ(path.mtu(), 1376U);

  path.peers_mtu = 1412;  // its node was configured anew
  path.run(1s);
  EXPECT_EQ(path.mtu(), 1412U);
}

TEST(EchoedMtu, IsFoundWhateverThePathCarries) {
  for (std::uint32_t carries = EchoedMtu::floor; carries < 9000; carries += 31) {
    Path path(8912, 8912, carries);
    path.run(5s);
    const std::uint32_t possible = std::min(carries, 8912U);
    EXPECT_LE(path.mtu(), possible);
    EXPECT_GT(path.mtu() + EchoedMtu::precision, possible);
  }
}

TEST(EchoedMtu, IsUnknownUntilTheSearchIsOver) {
  Path path(1376, 1376, 1250);
  path.beat();
  path.beat();
  EXPECT_EQ(path.mtu(), 0U);
  path.run(4s);
  EXPECT_NEAR(path.mtu(), 1250, EchoedMtu::precision);
}

TEST(EchoedMtu, FallsWithThePathAndRisesAfterTheInterval) {
  Path path(1376, 1376, 1376);
  path.run(1s);
  ASSERT_EQ(path.mtu(), 1376U);

  path.carries = 1000;
  path.run(1s);
  EXPECT_EQ(path.mtu(), 0U) << "the peer heard nothing for long enough";
  path.run(4s);
  EXPECT_NEAR(path.mtu(), 1000, EchoedMtu::precision);

  path.carries = 1376;
  path.run(EchoedMtu::upward_interval - 10s);
  EXPECT_NEAR(path.mtu(), 1000, EchoedMtu::precision);
  path.run(20s);
  EXPECT_EQ(path.mtu(), 1376U);
}

TEST(EchoedMtu, RisesAtOnceWhenWhatLimitedThePathMayBeGone) {
  Path path(1376, 1376, 1000);
  path.run(5s);
  EXPECT_TRUE(path.search.is_narrow());
  const std::uint32_t found = path.mtu();

  path.search.search_again();
  path.run(5s);
  EXPECT_EQ(path.mtu(), found);

  path.carries = 1376;
  path.search.search_again();
  path.run(1s);
  EXPECT_EQ(path.mtu(), 1376U);
  EXPECT_FALSE(path.search.is_narrow());
}

TEST(EchoedMtu, StaysWhereItWasWhileLargerSizesAreTriedInVain) {
  Path path(1376, 1376, 1000);
  path.run(5s);
  const std::uint32_t found = path.mtu();
  for (int i = 0; i < 5000; ++i) {
    path.beat();
    ASSERT_NEAR(path.mtu(), found, EchoedMtu::precision);
  }
}

TEST(EchoedMtu, IsUnknownWhileNothingPassesAndBackWithTheFirstThatDoes) {
  Path path(1376, 1376, 1376);
  path.run(1s);
  path.carries = 0;
  path.run(2s);
  EXPECT_EQ(path.mtu(), 0U);
  path.sent = 0;
  path.run(10s);
  EXPECT_EQ(path.sent, 100U) << "two sizes at a time";

  path.carries = 1376;
  path.beat();
  EXPECT_EQ(path.mtu(), 1376U);
}

/// Both directions at once: an echo arrives only with a heartbeat that does.
TEST(EchoedMtu, IsFoundAgainAfterAFallThatSilencesBothPeers) {
  struct End {
    EchoedMtu search{1376, patience};
    MtuHearing hearing{patience};
    TimePoint heard_at{};
  };
  std::array<End, 2> ends;
  std::uint32_t carries = 1376;
  TimePoint now{1h};
  const auto run = [&](Duration time) {
    for (const TimePoint end = now + time; now < end; now += heartbeat) {
      for (std::size_t i = 0; i < 2; ++i) {
        End& to = ends[1 - i];
        for (const std::uint32_t size : ends[i].search.sizes(now)) {
          if (size <= carries) {
            static_cast<void>(to.hearing.heard(size, now));
            to.heard_at = now;
            to.search.on_echo({1376, ends[i].hearing.largest(now)}, now);
          }
        }
        if (now - to.heard_at > patience) {
          to.search.on_silence();
        }
      }
    }
  };
  run(1s);
  ASSERT_EQ(ends[0].search.mtu(), 1376U);
  carries = 1250;
  run(6s);
  EXPECT_NEAR(ends[0].search.mtu(), 1250, EchoedMtu::precision);
  EXPECT_NEAR(ends[1].search.mtu(), 1250, EchoedMtu::precision);
}

TEST(EchoedMtu, DoesNotBelieveNonsenseOfThePeer) {
  EchoedMtu search(1376, patience);
  static_cast<void>(search.sizes(TimePoint{1h}));
  search.on_echo({.mtu = 3, .heard = 65535}, TimePoint{1h});
  EXPECT_EQ(search.mtu(), 1376U);
  search.on_echo({.mtu = 65535, .heard = 1}, TimePoint{1h});
  EXPECT_EQ(search.mtu(), 0U);
}

TEST(EchoedMtu, FollowsThePodsOfThisNode) {
  Path path(1376, 8912, 8912);
  path.run(1s);
  path.search.set_own(8912);
  path.beat();
  EXPECT_EQ(path.mtu(), 8912U);
  path.search.set_own(1000);
  EXPECT_EQ(path.mtu(), 1000U);
}

TEST(MtuHearing, RemembersTheLargestForAWhileThenTheLast) {
  MtuHearing hearing(patience);
  const TimePoint start{1h};
  EXPECT_EQ(hearing.largest(start), 0U);
  EXPECT_TRUE(hearing.heard(1376, start));
  EXPECT_FALSE(hearing.heard(1000, start + 600ms));
  EXPECT_EQ(hearing.largest(start + 699ms), 1376U);
  EXPECT_EQ(hearing.largest(start + 700ms), 1000U);
  EXPECT_FALSE(hearing.heard(900, start + 800ms));
  EXPECT_TRUE(hearing.heard(1100, start + 900ms));
  EXPECT_EQ(hearing.largest(start + 2s), 0U);
}

}  // namespace
}  // namespace weft::overlay
