/// Who has which short id, and who had which.
#include "peer_ids.hpp"

#include <gtest/gtest.h>

namespace weft::fastdp {
namespace {

using namespace std::chrono_literals;

constexpr PeerName p{2};
constexpr PeerName q{3};

PeerIds ids(std::vector<std::pair<PeerName, std::uint16_t>> peers) {
  Topology topology;
  for (const auto& [name, id] : peers) {
    Topology::Peer& peer = topology.peers.emplace_back();
    peer.name = name;
    peer.short_id = id;
  }
  return PeerIds(topology);
}

TEST(PeerIds, TheLowestNameHasAnIdThatTwoChose) {
  const PeerIds now = ids({{p, 7}, {q, 7}});
  EXPECT_EQ(now.peer(7), p);
  EXPECT_EQ(now.id(q), 7);
  EXPECT_EQ(now.peer(8), PeerName{});
}

class FormerIdsTest : public ::testing::Test {
 protected:
  std::vector<std::uint16_t> useless_after(Duration passed) {
    now_ += passed;
    return former_.take_useless(now_, [this](PeerName) { return is_reached_; });
  }

  FormerIds former_;
  TimePoint now_{};
  bool is_reached_ = true;
};

TEST_F(FormerIdsTest, AnIdIsUselessOnceItsPeerIsBackWithAnotherForAWhile) {
  former_.update(ids({{p, 7}, {q, 9}}));
  former_.update(ids({{q, 9}}));
  EXPECT_TRUE(useless_after({}).empty());
  EXPECT_EQ(former_.next(), std::nullopt);  // it may come back with its id

  former_.update(ids({{p, 8}, {q, 9}}));
  EXPECT_TRUE(useless_after({}).empty());
  EXPECT_EQ(former_.next(), now_ + FormerIds::wait);
  EXPECT_TRUE(useless_after(FormerIds::wait - 1ns).empty());
  EXPECT_EQ(useless_after(1ns), std::vector<std::uint16_t>{7});
  EXPECT_TRUE(useless_after(FormerIds::wait).empty());
}

TEST_F(FormerIdsTest, APeerThatCannotBeReachedYetHasAllItsTime) {
  former_.update(ids({{p, 7}}));
  former_.update(ids({{p, 8}}));
  EXPECT_TRUE(useless_after({}).empty());
  is_reached_ = false;
  EXPECT_TRUE(useless_after(FormerIds::wait).empty());
  EXPECT_EQ(former_.next(), std::nullopt);
  is_reached_ = true;
  EXPECT_TRUE(useless_after({}).empty());
  EXPECT_EQ(useless_after(FormerIds::wait), std::vector<std::uint16_t>{7});
}

TEST_F(FormerIdsTest, AnIdThatAnotherPeerTookIsOfUse) {
  former_.update(ids({{p, 7}}));
  former_.update(ids({{p, 8}}));
  former_.update(ids({{p, 8}, {q, 7}}));
  EXPECT_TRUE(useless_after({}).empty());
  EXPECT_TRUE(useless_after(FormerIds::wait).empty());
}

}  // namespace
}  // namespace weft::fastdp
