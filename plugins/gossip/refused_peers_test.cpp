/// How long a refusal is remembered.

#include "gossip/refused_peers.hpp"

#include <gtest/gtest.h>

namespace weft::gossip {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{};
const Error password{make_error_code(Errc::denied), "decrypt"};

net::IpAddress address(std::uint32_t number) {
  return net::IpAddress::v4(0x0A000000U + number);
}

TEST(RefusedPeers, ARefusalIsNewsOnceAndAgainWhenTheReasonChanges) {
  RefusedPeers peers;

  EXPECT_TRUE(peers.refused(address(1), DropReason::undecryptable, password, start));
  EXPECT_FALSE(peers.refused(address(1), DropReason::undecryptable, password, start + 5s));
  EXPECT_TRUE(peers.refused(address(1), DropReason::name_taken, password, start + 6s));

  EXPECT_EQ(peers.find(address(1))->since, start);
  EXPECT_EQ(peers.find(address(1))->last, start + 6s);
}

TEST(RefusedPeers, OnlyAConnectionThatBeganLaterEndsARefusal) {
  RefusedPeers peers;
  peers.refused(address(1), DropReason::undecryptable, password, start + 5s);

  EXPECT_EQ(peers.connected(address(1), start + 4s), std::nullopt) << "another peer behind its NAT";
  EXPECT_EQ(peers.connected(address(2), start + 9s), std::nullopt);
  EXPECT_EQ(peers.connected(address(1), start + 9s), 4s);

  EXPECT_EQ(peers.find(address(1)), nullptr);
}

TEST(RefusedPeers, ForgetsWhoStayedAwayAndTheOldestOfTooMany) {
  RefusedPeers peers;
  for (std::uint32_t i = 0; i <= RefusedPeers::max_entries; ++i) {
    peers.refused(address(i), DropReason::undecryptable, password, start + i * 1s);
  }
  EXPECT_EQ(peers.entries().size(), RefusedPeers::max_entries);
  EXPECT_EQ(peers.find(address(0)), nullptr);

  peers.prune(start + 1s + RefusedPeers::forgotten_after);

  EXPECT_EQ(peers.find(address(1)), nullptr);
  EXPECT_NE(peers.find(address(2)), nullptr);
}

}  // namespace
}  // namespace weft::gossip
