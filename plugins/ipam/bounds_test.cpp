/// What other peers can make this one keep, write and send.

#include <gtest/gtest.h>

#include "ipam/test_world.hpp"

namespace weft::ipam::test {
namespace {

constexpr Address base = 0x0A200000;
constexpr std::size_t message_limit = 10U << 20U;  // of the mesh

Bytes space_request(Address from, Address to) {
  return encode_range_message(MessageKind::space_request, {from, to});
}

TEST(Nickname, IsCutAndTamed) {
  EXPECT_EQ(tame_nickname("node-1.example"), "node-1.example");
  EXPECT_EQ(tame_nickname("näkk \xE2\x82\xAC"), "näkk \xE2\x82\xAC");
  EXPECT_EQ(tame_nickname("a\nb\x1b[2J\x7f"), "a?b?[2J?");
  EXPECT_EQ(tame_nickname("\xC2\x85\xE2\x80\xAE\xE2\x80\xA8\xFF\xC3"), std::string(10, '?'));
  EXPECT_EQ(tame_nickname(std::string(6'000'000, 'x')).size(), max_nickname_bytes);
  EXPECT_EQ(tame_nickname(std::string(254, 'x') + "\xC3\xA4").size(), 254u);  // not half of it
}

TEST(Bounds, NicknamesOfStrangersAreNotKept) {
  World world;
  Node& node = world.add(1);
  Node& two = world.add(2);
  ASSERT_TRUE(node.allocate("c1"));
  world.run_for(30s);
  GossipState state;
  for (std::uint64_t name = 100; name < 1100; ++name) {
    state.nicknames[PeerName{name}] = std::string(200, 'x');
  }
  state.nicknames[two.name()] = std::string(6'000, 'y');

  EXPECT_TRUE(node.allocator().on_gossip(encode_gossip(state, PeerName{99})));

  EXPECT_EQ(node.allocator().nicknames().size(), 2u);
  EXPECT_EQ(node.allocator().nicknames().at(two.name()), std::string(max_nickname_bytes, 'y'));
  EXPECT_EQ(node.refused["nickname"], 1000u);
}

TEST(Bounds, WhatIsSentStaysBelowTheLimitOfAMessage) {
  GossipState state;
  for (std::uint64_t name = 1; name <= max_nicknames; ++name) {
    state.nicknames[PeerName{(std::uint64_t{1} << 47U) + name}] = std::string(255, 'x');
  }
  state.ring = RingState{{1U << 31U, (1U << 31U) + (1U << 24U)}, {}, {}};
  for (Address i = 0; i < max_ring_entries; ++i) {
    state.ring->entries.push_back(
        {state.ring->universe.start + i, PeerName{~std::uint64_t{0}}, 0xFFFFFFF0U, 0xFFFFFFF0U});
  }
  state.ring->seeds.assign(max_seeds, PeerName{~std::uint64_t{0}});
  EXPECT_LT(encode_gossip(state, PeerName{1}).size(), message_limit);

  GossipState vote;
  vote.nicknames = state.nicknames;
  vote.paxos.emplace();
  for (std::uint64_t i = 0; i < max_votes; ++i) {
    const NodeId node{PeerName{~i}, ~i};
    (*vote.paxos)[node] = {
        {~i, node},
        {~i, node},
        {std::vector(max_vote_peers, PeerName{(std::uint64_t{1} << 48U) - 1}), {~i, node}}};
  }
  EXPECT_LT(encode_gossip(vote, PeerName{1}).size(), message_limit);
}

TEST(Bounds, AVisitCannotFillTheRingForGood) {
  World world;
  Node& node = world.add(1, "consensus", "10.32.0.0/12");
  node.strangers = {PeerName{2}};
  ASSERT_TRUE(node.allocate("c1"));
  GossipState state;
  state.ring = node.allocator().ring().state();
  for (Address token = base + 1; token < base + max_ring_entries; ++token) {
    state.ring->entries.push_back({token, PeerName{9}, 0, 0});
  }
  const Bytes junk = encode_gossip(state, PeerName{9});
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(node.allocator().on_gossip(junk));
    world.sim.run_for(1s);
  }

  EXPECT_LE(node.allocator().ring().state().entries.size(), 1'200u);
  EXPECT_GT(node.refused["too-many"], 0u);
  EXPECT_TRUE(node.allocator().on_unicast(PeerName{2}, space_request(base, base + (1U << 20U))));
  world.sim.run_for(1s);
  EXPECT_TRUE(node.allocator().ring().mentions(PeerName{2}));
}

TEST(Bounds, OneMessageIsReadUpToWhatMayBeKept) {
  GossipState state;
  state.ring = RingState{{0, 1U << 24U}, {}, {}};
  for (Address token = 0; token < 3 * max_ring_entries; ++token) {
    state.ring->entries.push_back({token, PeerName{1}, 0, 0});
  }
  EXPECT_EQ(decode_gossip(encode_gossip(state, PeerName{1}))->ring->entries.size(),
            max_ring_entries + 1);
  state.ring->entries.clear();
  state.ring->seeds.assign(max_seeds + 1, PeerName{1});
  EXPECT_FALSE(decode_gossip(encode_gossip(state, PeerName{1})));
}

TEST(Bounds, VotesOfStrangersAndOfRoundsOutOfReachAreFew) {
  Elector elector({PeerName{1}, 1});
  elector.set_quorum(2);
  PaxosState strangers;
  for (std::uint64_t name = 100; name < 400; ++name) {
    strangers[{PeerName{name}, 1}].promise = {1, {PeerName{name}, 1}};
  }
  const auto nobody = [](PeerName) { return false; };
  EXPECT_TRUE(elector.update(strangers, 1000, nobody));
  EXPECT_EQ(elector.known().size(), max_unknown_votes);
  elector.forget_unknown(nobody);
  EXPECT_TRUE(elector.known().empty());

  PaxosState known;
  const auto everybody = [](PeerName) { return true; };
  for (std::uint64_t uid = 1; uid <= 100; ++uid) {
    known[{PeerName{7}, uid}].promise = {1, {PeerName{7}, uid}};
  }
  known[{PeerName{8}, 1}].promise = {~std::uint64_t{0}, {PeerName{8}, 1}};
  EXPECT_TRUE(elector.update(known, 1000, everybody));
  EXPECT_EQ(elector.known().size(), max_runs_per_peer);
  elector.propose();
  EXPECT_EQ(elector.known().at({PeerName{1}, 1}).promise.round, 2u);
}

TEST(Bounds, OnePeerCannotDrainTheRangeAtOnce) {
  World world;
  Node& node = world.add(1, "consensus", "10.32.0.0/16");
  node.strangers = {PeerName{2}};
  ASSERT_TRUE(node.allocate("c1"));
  const Bytes request = space_request(base, base + 65536);

  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(node.allocator().on_unicast(PeerName{2}, request));
  }
  world.sim.run_for(1s);

  EXPECT_GE(node.allocator().status().free, 65535u >> 4U);
  EXPECT_EQ(node.refused["request-rate"], 96u);
}

TEST(Bounds, NobodyGetsSpaceInANameThatTheMeshDoesNotKnow) {
  World world;
  Node& node = world.add(1);
  ASSERT_TRUE(node.allocate("c1"));
  EXPECT_TRUE(node.allocator().on_unicast(PeerName{77}, space_request(base, base + 256)));
  EXPECT_EQ(node.allocator().status().free, 255u);
  EXPECT_EQ(node.refused["request-of-unknown-peer"], 1u);
}

TEST(Bounds, AnswersToOnePeerAreFew) {
  World world;
  Node& node = world.add(1);
  ASSERT_TRUE(node.allocate("c1"));
  world.sim.run_for(1s);
  node.sent.clear();
  const Bytes question = encode_ring_update(encode_gossip({}, PeerName{2}));
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(node.allocator().on_unicast(PeerName{2}, question));
  }
  EXPECT_EQ(node.sent.size(), static_cast<std::size_t>(answers_per_peer.burst));
  EXPECT_EQ(node.refused["question-rate"], 100u - node.sent.size());
}

TEST(Bounds, GossipIsWrittenToDiskOnceASecond) {
  World world;
  Node& node = world.add(1, "seed=::1,::2");
  ASSERT_TRUE(node.allocate("c1"));
  world.sim.run_for(2s);
  node.saves = 0;
  GossipState state;
  state.ring = node.allocator().ring().state();
  for (std::uint32_t i = 1; i <= 500; ++i) {
    state.ring->entries[1].version = i;
    EXPECT_TRUE(node.allocator().on_gossip(encode_gossip(state, PeerName{2})));
    world.sim.run_for(10ms);
  }
  EXPECT_LE(node.saves, 7);
  world.sim.run_for(2s);
  EXPECT_EQ(node.disk.ring->entries[1].version, 500u);
}

TEST(Bounds, ADenialCountsOnlyFromTheOwner) {
  World world;
  Node& node = world.add(1, "seed=::1,::2");
  std::optional<Result<>> claimed;
  node.allocator().claim("c1", *net::parse_cidr("10.32.0.200/24"), ClaimMode::strict,
                         [&](auto answer) { claimed = std::move(answer); });
  const Bytes denial = encode_range_message(MessageKind::space_denied, {base + 200, base + 201});
  EXPECT_TRUE(node.allocator().on_unicast(PeerName{9}, denial));
  EXPECT_FALSE(claimed);
  EXPECT_EQ(node.refused["denial"], 1u);
  EXPECT_TRUE(node.allocator().on_unicast(PeerName{2}, denial));
  EXPECT_TRUE(claimed);
}

}  // namespace
}  // namespace weft::ipam::test
