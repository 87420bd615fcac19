/// Weave Net's octets in both directions, and hostile ones.

#include "ipam/codec.hpp"

#include <gtest/gtest.h>

#include "interop/vectors.hpp"

namespace weft::ipam {
namespace {

using testing::golden;

constexpr PeerName p1{0x020000000001};
constexpr PeerName p2{0x020000000002};
constexpr PeerName p3{0xfedcba987654};
constexpr AddressRange universe{0x0A200000, 0x0A300000};
constexpr NodeId node{p1, 0x123456789abcdef0};

GossipState state_of_p1() {
  GossipState state;
  state.now = 1600000000;
  state.nicknames[p1] = "alpha";
  return state;
}

RingState ring_of_three() {
  return {universe,
          {{0x0A200000, p1, 2, 0x3fffe}, {0x0A240000, p2, 0, 0x40000}, {0x0A280000, p3, 103, 0}},
          {p1, p2, p3}};
}

void expect_same(const GossipState& got, const GossipState& want) {
  EXPECT_EQ(got.now, want.now);
  EXPECT_EQ(got.nicknames, want.nicknames);
  EXPECT_EQ(got.paxos, want.paxos);
  EXPECT_EQ(got.ring, want.ring);
}

void expect_golden(const GossipState& state, const Bytes& octets) {
  EXPECT_EQ(testing::to_hex(encode_gossip(state, p1)), testing::to_hex(octets));
  const auto decoded = decode_gossip(octets);
  ASSERT_TRUE(decoded) << decoded.error().message();
  expect_same(*decoded, state);
}

TEST(GossipCodec, WritesAndReadsARing) {
  GossipState state = state_of_p1();
  state.ring = ring_of_three();
  expect_golden(state, golden("ipam-ring.txt", "ipam-gossip-ring-3-entries"));
}

TEST(GossipCodec, TellsAnElectorWithoutVotesFromAnObserver) {
  GossipState observer = state_of_p1();
  expect_golden(observer, golden("ipam-paxos.txt", "ipam-gossip-observer"));

  GossipState elector = state_of_p1();
  elector.paxos.emplace();
  expect_golden(elector, golden("ipam-paxos.txt", "ipam-gossip-elector-empty"));
}

TEST(GossipCodec, WritesAndReadsVotes) {
  GossipState proposed = state_of_p1();
  proposed.paxos.emplace()[node].promise = {1, node};
  expect_golden(proposed, golden("ipam-paxos.txt", "ipam-gossip-paxos-propose"));

  GossipState accepted = state_of_p1();
  accepted.paxos.emplace()[node] = {{1, node}, {1, node}, {{p1}, {1, node}}};
  expect_golden(accepted, golden("ipam-paxos.txt", "ipam-gossip-paxos-accepted"));
}

TEST(UnicastCodec, WritesAndReadsEveryKind) {
  GossipState state = state_of_p1();
  state.ring = ring_of_three();
  EXPECT_EQ(encode_ring_update(encode_gossip(state, p1)),
            golden("ipam-ring.txt", "ipam-unicast-ring-update"));

  const auto request = golden("ipam-unicast.txt", "space-request");
  EXPECT_EQ(encode_range_message(MessageKind::space_request, universe), request);
  EXPECT_EQ(decode_range(ByteView(request).subspan(1)), universe);

  EXPECT_EQ(encode_range_message(MessageKind::space_request, single(0x0A280007)),
            golden("ipam-unicast.txt", "space-request-single"));
  EXPECT_EQ(encode_range_message(MessageKind::space_denied, single(0x0A280007)),
            golden("ipam-unicast.txt", "space-request-denied"));
}

TEST(StoredCodec, WritesAndReadsTheOriginalsDatabase) {
  const RingState ring{universe, {{0x0A200000, p1, 0, 0x100000}}, {p1}};
  const auto stored_ring = golden("persistence.txt", "db-ring");
  EXPECT_EQ(encode_stored_ring(ring, p1), stored_ring);
  EXPECT_EQ(decode_stored_ring(stored_ring), ring);

  const auto stored_name = golden("persistence.txt", "db-peername");
  EXPECT_EQ(encode_stored_name(p1), stored_name);
  EXPECT_EQ(decode_stored_name(stored_name), p1);

  const Holdings holdings{{"c1", {true, {*net::parse_cidr("10.32.0.1/12")}}}};
  const auto stored_holdings = golden("persistence.txt", "db-ownedAddresses");
  EXPECT_EQ(encode_stored_holdings(holdings), stored_holdings);
  EXPECT_EQ(decode_stored_holdings(stored_holdings), holdings);
}

TEST(GossipCodec, RefusesAVoteForNobody) {
  GossipState state = state_of_p1();
  state.paxos.emplace()[node] = {{1, node}, {1, node}, {{}, {1, node}}};
  EXPECT_FALSE(decode_gossip(encode_gossip(state, p1)));
}

TEST(GossipCodec, SurvivesEveryTruncationAndManyFlippedOctets) {
  GossipState state = state_of_p1();
  state.ring = ring_of_three();
  state.paxos.emplace()[node] = {{1, node}, {1, node}, {{p1}, {1, node}}};
  const Bytes good = encode_gossip(state, p1);
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(decode_gossip(ByteView(good).first(length)));
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const unsigned flip : {0x01U, 0x02U, 0x04U, 0x10U, 0x40U, 0x7FU, 0x80U, 0xFFU}) {
      Bytes bad = good;
      bad[at] ^= static_cast<std::byte>(flip);
      static_cast<void>(decode_gossip(bad));  // any answer, no crash
    }
  }
}

}  // namespace
}  // namespace weft::ipam
