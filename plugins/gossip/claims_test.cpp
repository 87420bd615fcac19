/// Whom to believe, rule by rule, and that the peer itself wins in the end whatever others claim.

#include "gossip/claims.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "gossip/peers.hpp"
#include "gossip/routes.hpp"

namespace weft::gossip {
namespace {

constexpr PeerName victim{10};
constexpr std::uint64_t max_uid = UINT64_MAX;

Topology::Peer claim(std::uint64_t version, std::uint64_t uid = 1) {
  Topology::Peer peer;
  peer.name = victim;
  peer.version = version;
  peer.uid = uid;
  return peer;
}

TEST(Claims, CountedVersionsCompareAsInWeaveNet) {
  const Topology::Peer known = claim(5, 9);
  for (const Standing standing : {Standing::nearest, Standing::hearsay}) {
    EXPECT_EQ(judge(&known, claim(6, 1), standing), Verdict::take);
    EXPECT_EQ(judge(&known, claim(5, 10), standing), Verdict::take);
    EXPECT_EQ(judge(&known, claim(5, 9), standing), Verdict::keep);
    EXPECT_EQ(judge(&known, claim(4, 99), standing), Verdict::keep);
    EXPECT_EQ(judge(nullptr, claim(4), standing), Verdict::take);
  }
}

TEST(Claims, NothingBeyondTheCeilingIsBelieved) {
  for (const Standing standing :
       {Standing::itself, Standing::nearest, Standing::hearsay, Standing::overruled}) {
    EXPECT_EQ(judge(nullptr, claim(max_version + 1), standing), Verdict::beyond_ceiling);
    EXPECT_EQ(judge(nullptr, claim(UINT64_MAX), standing), Verdict::beyond_ceiling);
  }
}

TEST(Claims, APeerIsBelievedAboutItselfWhateverOthersSaid) {
  const Topology::Peer forged = claim(max_version, max_uid);

  EXPECT_EQ(judge(&forged, claim(3), Standing::itself), Verdict::take);
  const Topology::Peer told = claim(3);
  EXPECT_EQ(judge(&told, forged, Standing::overruled), Verdict::not_first_hand);
  EXPECT_EQ(judge(&told, claim(2), Standing::overruled), Verdict::keep);
}

TEST(Claims, UncountedVersionsAreBelievedFromTheNextHopOnly) {
  const Topology::Peer forged = claim(max_version, max_uid);
  const Topology::Peer truth = claim(3);

  EXPECT_EQ(judge(&truth, forged, Standing::hearsay), Verdict::not_nearest);
  EXPECT_EQ(judge(&truth, claim(max_counted_version + 1), Standing::nearest), Verdict::take);
  EXPECT_EQ(judge(&forged, truth, Standing::nearest), Verdict::take);
  EXPECT_EQ(judge(&forged, truth, Standing::hearsay), Verdict::keep);
}

TEST(Claims, OurOwnVersionNeverLeavesTheRange) {
  EXPECT_EQ(version_after(0), 1U);
  EXPECT_EQ(version_after(max_counted_version), max_counted_version + 1);
  EXPECT_EQ(version_after(max_version), max_counted_version + 1);
}

TEST(Claims, EveryClaimAboutUsThatOthersMayBelieveIsARival) {
  const Topology::Peer self = claim(5, 9);
  EXPECT_TRUE(is_rival(self, claim(5, 1)));
  EXPECT_TRUE(is_rival(self, claim(6, 9)));
  EXPECT_TRUE(is_rival(self, claim(max_version, 9)));
  EXPECT_FALSE(is_rival(self, claim(5, 9)));
  EXPECT_FALSE(is_rival(self, claim(4, 99)));
  Topology::Peer other = claim(5, 9);
  other.connections.push_back({PeerName{1}, "", true, true});
  EXPECT_TRUE(is_rival(self, other));
}

/// Peers that tell each other everything, as often as the test lets them, and count as Weave Net
/// peers do: none of them overrules what others say of its neighbours.
class Crowd {
 public:
  explicit Crowd(std::size_t size, std::mt19937_64& random) {
    for (std::uint64_t i = 0; i < size; ++i) {
      tables_.emplace(PeerName{10 + i}, Peers({PeerName{10 + i}, "", 100 + i, ShortId(i)},
                                              [](std::uint64_t) { return std::uint64_t{0}; }));
    }
    for (std::uint64_t i = 1; i < size; ++i) {
      connect(PeerName{10 + i}, PeerName{10 + random() % i});
    }
    gossip(size);
  }

  /// One peer tells `teller`'s neighbour everything it knows.
  void tell(PeerName teller, PeerName listener, std::vector<Topology::Peer> update) {
    Peers& peers = tables_.at(listener);
    const RoutingTable routes(peers.graph(EdgeRule::any), listener);
    (void)peers.apply(std::move(update), [&](PeerName about) {
      return routes.unicast(about) == teller ? Standing::nearest : Standing::hearsay;
    });
  }

  void gossip(std::size_t rounds) {
    for (std::size_t round = 0; round < rounds; ++round) {
      for (const auto& [teller, peers] : tables_) {
        std::vector<Topology::Peer> everything;
        peers.for_each([&](const Topology::Peer& peer) { everything.push_back(peer); });
        for (const auto& connection : peers.self().connections) {
          if (tables_.contains(connection.remote)) {
            tell(teller, connection.remote, everything);
          }
        }
      }
    }
  }

  [[nodiscard]] Peers& at(PeerName name) { return tables_.at(name); }
  [[nodiscard]] std::map<PeerName, Peers>& all() { return tables_; }

 private:
  void connect(PeerName a, PeerName b) {
    for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
      (void)tables_.at(from).add_reference(tables_.at(to).self());
      tables_.at(from).add_connection({to, "10.0.0.1:6783", true, false});
      tables_.at(from).set_established(to);
    }
  }

  std::map<PeerName, Peers> tables_;
};

/// Any version up to the ceiling, often near one of the ends of a range.
std::uint64_t forged_version(std::mt19937_64& random) {
  const std::uint64_t near = random() % 3;
  switch (random() % 5) {
    case 0:
      return near;
    case 1:
      return max_counted_version - near;
    case 2:
      return max_counted_version + near;
    case 3:
      return max_version - near;
    default:
      return random();
  }
}

/// The claims come from everywhere, also from neighbours of the victim; some peers hear of the
/// victim for the first time through them. When they end, as many rounds of gossip as the mesh is
/// wide and one more, for the victim to hear of them, let everybody know the truth.
TEST(Claims, TheVictimWinsInTheEndWhateverIsClaimed) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    std::mt19937_64 random(seed);
    const std::size_t size = 2 + random() % 7;
    Crowd crowd(size, random);
    const std::size_t claims = 1 + random() % 40;
    for (std::size_t i = 0; i < claims; ++i) {
      Topology::Peer forged = claim(forged_version(random), random() % 2 == 0 ? max_uid : random());
      const PeerName listener{10 + random() % size};
      crowd.tell(PeerName{99}, listener, {forged});
      if (random() % 2 == 0) {
        crowd.gossip(1);
      }
    }

    crowd.gossip(4 * size);
    crowd.at(victim).add_connection({PeerName{200}, "10.0.0.2:6783", true, false});
    crowd.gossip(2 * size);

    const Topology::Peer& truth = crowd.at(victim).self();
    ASSERT_LE(truth.version, max_version);
    for (const auto& [name, peers] : crowd.all()) {
      const Topology::Peer* const known = peers.find(victim);
      ASSERT_EQ(known->version, truth.version) << "seed " << seed;
      ASSERT_EQ(known->uid, truth.uid) << "seed " << seed;
      ASSERT_EQ(known->connections.size(), truth.connections.size()) << "seed " << seed;
    }
  }
}

/// However often somebody bids the most that is believed, there is a higher bid.
TEST(Claims, BiddingTheCeilingAgainAndAgainWearsNothingOut) {
  std::mt19937_64 random(1);
  Crowd crowd(3, random);
  for (int i = 0; i < 100; ++i) {
    for (std::uint64_t at = 10; at < 13; ++at) {
      crowd.tell(PeerName{99}, PeerName{at}, {claim(max_version, max_uid)});
    }
    crowd.gossip(6);
    for (const auto& [name, peers] : crowd.all()) {
      ASSERT_EQ(peers.find(victim)->uid, crowd.at(victim).self().uid);
      ASSERT_EQ(peers.find(victim)->version, crowd.at(victim).self().version);
    }
  }
}

}  // namespace
}  // namespace weft::gossip
