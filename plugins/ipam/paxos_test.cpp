/// Consensus among electors: alone, in pairs, in crowds with losses, and after restarts.

#include "ipam/paxos.hpp"

#include <gtest/gtest.h>

#include <random>

namespace weft::ipam {
namespace {

/// The mesh knows everybody.
bool hear(Elector& elector, const PaxosState& received) {
  return elector.update(received, 1000, [](PeerName) { return true; });
}

NodeId node(std::uint64_t name, std::uint64_t uid = 1) {
  return {PeerName{name}, uid};
}

TEST(Elector, DecidesAloneWithAQuorumOfOne) {
  Elector alone(node(1));
  alone.set_quorum(1);
  alone.propose();
  EXPECT_EQ(alone.consensus(), std::vector{PeerName{1}});
  EXPECT_EQ(alone.known().at(node(1)).accepted, (ProposalId{1, node(1)}));
}

TEST(Elector, ReachesConsensusOfTwoInTheKnownSequence) {
  Elector one(node(1));
  Elector two(node(2));
  one.set_quorum(2);

  one.propose();
  EXPECT_EQ(one.consensus(), std::nullopt);
  EXPECT_TRUE(hear(two, one.known()));
  EXPECT_TRUE(two.think());  // promises
  EXPECT_TRUE(hear(one, two.known()));
  EXPECT_TRUE(one.think());  // a quorum promised: accepts
  EXPECT_EQ(one.consensus(), std::nullopt);
  EXPECT_TRUE(hear(two, one.known()));
  EXPECT_TRUE(two.think());                  // accepts too
  EXPECT_EQ(two.consensus(), std::nullopt);  // no quorum set: votes, does not decide
  EXPECT_TRUE(hear(one, two.known()));

  EXPECT_EQ(one.consensus(), (std::vector{PeerName{1}, PeerName{2}}));
}

TEST(Elector, LearnsNothingFromWhatItKnows) {
  Elector one(node(1));
  one.set_quorum(2);
  one.propose();
  Elector two(node(2));
  EXPECT_TRUE(hear(two, one.known()));
  EXPECT_FALSE(hear(two, one.known()));
  EXPECT_TRUE(two.think());
  EXPECT_FALSE(two.think());
}

TEST(Elector, SupersedesTheHighestRoundItHeardOf) {
  Elector one(node(1));
  one.set_quorum(2);
  PaxosState heard;
  heard[node(9)].promise = {7, node(9)};
  heard[node(8)].accepted = {12, node(8)};
  hear(one, heard);
  one.propose();
  EXPECT_EQ(one.known().at(node(1)).promise, (ProposalId{13, node(1)}));
}

TEST(Elector, ProposesAnEarlierAcceptedValueWithItsOrigin) {
  const ProposalId earlier{3, node(9)};
  Elector one(node(1));
  one.set_quorum(2);
  PaxosState heard;
  heard[node(2)] = {earlier, earlier, {{PeerName{7}}, earlier}};
  hear(one, heard);
  one.propose();
  Elector two(node(2));
  hear(two, one.known());
  two.think();
  hear(one, two.known());
  EXPECT_TRUE(one.think());

  EXPECT_EQ(one.known().at(node(1)).value, (AcceptedValue{{PeerName{7}}, earlier}));
}

TEST(Elector, CountsARestartedPeerAsAnotherNode) {
  Elector before(node(1, 1));
  before.set_quorum(2);
  before.propose();
  Elector after(node(1, 2));
  after.set_quorum(2);
  hear(after, before.known());
  after.propose();
  EXPECT_EQ(after.known().size(), 2u);
  EXPECT_LT(before.known().at(node(1, 1)).promise, after.known().at(node(1, 2)).promise);
}

TEST(Elector, NeverDecidesTwoValuesWhateverIsLost) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    constexpr std::size_t size = 5;
    std::vector<Elector> electors;
    for (std::uint64_t i = 1; i <= size; ++i) {
      electors.emplace_back(node(i));
      electors.back().set_quorum(size / 2 + 1);
    }
    std::optional<std::vector<PeerName>> decided;
    for (int step = 0; step < 200; ++step) {
      Elector& one = electors[random() % size];
      if (random() % 10 == 0) {
        one.propose();
      } else if (hear(one, electors[random() % size].known())) {
        one.think();
      }
      if (const auto value = one.consensus()) {
        ASSERT_TRUE(!decided || *decided == *value) << "seed " << seed;
        decided = value;
      }
    }
  }
}

}  // namespace
}  // namespace weft::ipam
