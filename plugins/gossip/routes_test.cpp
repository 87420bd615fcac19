/// Routes against Weave Net's results, and properties that hold in every mesh.

#include "gossip/routes.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <random>
#include <regex>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

namespace weft::gossip {
namespace {

using Listed = std::map<PeerName, std::vector<Graph::Edge>>;

Graph build(const Listed& peers, EdgeRule rule) {
  Graph::Builder builder;
  for (const auto& [name, edges] : peers) {
    builder.add_peer(name);
    for (const Graph::Edge& edge : edges) {
      builder.add_edge(edge);
    }
  }
  return builder.build(rule);
}

PeerName peer(std::uint64_t number) {
  return PeerName{number};
}

/// The five peers of tests/interop/vectors/routes.txt.
Listed golden_peers() {
  return {{peer(1), {{peer(2), true}, {peer(3), true}}},
          {peer(2), {{peer(1), true}, {peer(4), true}}},
          {peer(3), {{peer(1), true}, {peer(4), false}}},
          {peer(4), {{peer(2), true}, {peer(3), true}, {peer(5), true}}},
          {peer(5), {{peer(4), true}, {peer(1), true}}}};
}

/// The vector's lines for one peer, rendered from our table.
std::string render(const RoutingTable& table, std::uint64_t self) {
  std::string text = "  unicast: ";
  for (std::uint64_t to = 1; to <= 5; ++to) {
    const auto via = table.unicast(peer(to));
    text += std::to_string(to) + " via " +
            std::to_string(via ? static_cast<std::uint64_t>(*via) : std::uint64_t{0}) +
            (to < 5 ? "; " : "\n");
  }
  (void)self;
  text += "  broadcast: ";
  for (std::uint64_t origin = 1; origin <= 5; ++origin) {
    text += "from " + std::to_string(origin) + " -> [";
    std::string separator;
    for (const PeerName hop : table.broadcast(peer(origin))) {
      text += separator + std::to_string(static_cast<std::uint64_t>(hop));
      separator = " ";
    }
    text += origin < 5 ? "]; " : "]\n";
  }
  return text;
}

TEST(Routes, AreThoseOfTheOriginal) {
  std::ifstream file(WEFT_SOURCE_DIR "/tests/interop/vectors/routes.txt");
  ASSERT_TRUE(file);
  std::string expected;
  for (std::string line; std::getline(file, line);) {
    expected += line[0] == '#' ? "" : line + "\n";
  }

  std::string actual;
  for (const bool symmetric : {false, true}) {
    for (std::uint64_t self = 1; self <= 5; ++self) {
      const EdgeRule rule = symmetric ? EdgeRule::established_symmetric : EdgeRule::any;
      actual += std::string("established_and_symmetric=") + (symmetric ? "true" : "false") +
                " self=" + std::to_string(self) + "\n" +
                render(RoutingTable(build(golden_peers(), rule), peer(self)), self);
    }
  }

  EXPECT_EQ(actual, expected);
}

Listed random_mesh(std::mt19937& random, std::uint64_t size, unsigned percent) {
  Listed peers;
  for (std::uint64_t i = 1; i <= size; ++i) {
    peers[peer(i)];
  }
  for (std::uint64_t a = 1; a <= size; ++a) {
    for (std::uint64_t b = a + 1; b <= size; ++b) {
      if (random() % 100 < percent) {
        peers[peer(a)].push_back({peer(b), true});
        peers[peer(b)].push_back({peer(a), true});
      }
    }
  }
  return peers;
}

/// Sends a broadcast through everybody's tables; how often each peer got it.
std::map<PeerName, int> flood(const std::map<PeerName, RoutingTable>& tables, PeerName origin) {
  std::map<PeerName, int> copies;
  std::vector<PeerName> work{origin};
  while (!work.empty()) {
    const PeerName at = work.back();
    work.pop_back();
    for (const PeerName hop : tables.at(at).broadcast(origin)) {
      if (++copies[hop] == 1) {
        work.push_back(hop);
      }
    }
  }
  return copies;
}

TEST(Routes, ABroadcastReachesEveryPeerOfAStableMeshExactlyOnce) {
  std::mt19937 random(7);
  for (int round = 0; round < 40; ++round) {
    const std::uint64_t size = 2 + random() % 90;
    const Graph graph = build(random_mesh(random, size, 2 + static_cast<unsigned>(random() % 40)),
                              EdgeRule::established_symmetric);
    std::map<PeerName, RoutingTable> tables;
    for (std::uint64_t i = 1; i <= size; ++i) {
      tables.emplace(peer(i), RoutingTable(graph, peer(i)));
    }
    const PeerName origin = peer(1 + random() % size);

    const auto copies = flood(tables, origin);

    EXPECT_FALSE(copies.contains(origin));
    EXPECT_EQ(copies.size() + 1, tables.at(origin).reachable());
    EXPECT_TRUE(std::all_of(copies.begin(), copies.end(),
                            [](const auto& entry) { return entry.second == 1; }));
  }
}

TEST(Routes, FollowingNextHopsAlwaysArrives) {
  std::mt19937 random(11);
  for (int round = 0; round < 40; ++round) {
    const std::uint64_t size = 2 + random() % 70;
    const Graph graph = build(random_mesh(random, size, 5), EdgeRule::established_symmetric);
    std::map<PeerName, RoutingTable> tables;
    for (std::uint64_t i = 1; i <= size; ++i) {
      tables.emplace(peer(i), RoutingTable(graph, peer(i)));
    }
    for (std::uint64_t to = 2; to <= size; ++to) {
      PeerName at = peer(1);
      std::uint64_t hops = 0;
      while (at != peer(to) && tables.at(at).unicast(peer(to)) && hops <= size) {
        at = *tables.at(at).unicast(peer(to));
        ++hops;
      }
      EXPECT_TRUE(at == peer(to) || hops == 0);
    }
  }
}

TEST(Routes, AnUnknownOriginIsPassedToNobody) {
  const RoutingTable table(build(golden_peers(), EdgeRule::any), peer(1));

  EXPECT_TRUE(table.broadcast(peer(99)).empty());
  EXPECT_FALSE(table.unicast(peer(99)));
}

TEST(Routes, TheSnapshotLeavesOutWhatCannotBeReached) {
  const Listed peers{{peer(1), {{peer(2), true}}}, {peer(2), {{peer(1), true}}}, {peer(3), {}}};

  const auto routes =
      RoutingTable(build(peers, EdgeRule::established_symmetric), peer(1)).snapshot();

  ASSERT_EQ(routes->unicast.size(), 1U);
  EXPECT_EQ(routes->unicast[0].via, peer(2));
  ASSERT_EQ(routes->broadcast.size(), 2U);
  EXPECT_EQ(routes->broadcast[0].hops, std::vector{peer(2)});
}

TEST(Routes, BroadcastsCanBeSearchedInSlices) {
  std::mt19937 random(5);
  const Graph graph = build(random_mesh(random, 60, 4), EdgeRule::established_symmetric);
  const RoutingTable sliced(graph, peer(7));
  std::size_t slices = 1;
  while (!sliced.search_broadcasts(600)) {
    ++slices;
  }

  EXPECT_GE(slices, sliced.reachable() / 10);
  const auto routes = sliced.snapshot();
  const auto whole = RoutingTable(graph, peer(7)).snapshot();
  ASSERT_EQ(routes->broadcast.size(), whole->broadcast.size());
  for (std::size_t i = 0; i < routes->broadcast.size(); ++i) {
    EXPECT_EQ(routes->broadcast[i].hops, whole->broadcast[i].hops);
  }
}

TEST(RandomNeighbours, AreDistinctAndLeaveOutTheSender) {
  std::mt19937 random(3);
  const RoutingTable table(build(random_mesh(random, 40, 60), EdgeRule::any), peer(5));
  const PeerName sender = table.weights().front().neighbour;
  const auto draw = [&random](std::size_t bound) { return random() % bound; };

  for (int round = 0; round < 100; ++round) {
    const auto chosen = random_neighbours(table, sender, draw);

    const std::set<PeerName> distinct(chosen.begin(), chosen.end());
    EXPECT_EQ(distinct.size(), chosen.size());
    EXPECT_FALSE(distinct.contains(sender));
    EXPECT_EQ(chosen.size(), 10U);  // floor(2 log2 40)
  }
}

TEST(RandomNeighbours, AreAllInASmallMesh) {
  const RoutingTable table(build(golden_peers(), EdgeRule::any), peer(1));
  const auto draw = [](std::size_t) { return std::size_t{0}; };

  EXPECT_EQ(random_neighbours(table, peer(1), draw), (std::vector{peer(2), peer(3)}));
  EXPECT_EQ(random_neighbours(table, peer(2), draw), std::vector{peer(3)});
}

TEST(GossipFanout, IsTwiceTheLogarithmRoundedDown) {
  EXPECT_EQ(gossip_fanout(1, 5), 0U);
  EXPECT_EQ(gossip_fanout(2, 5), 2U);
  EXPECT_EQ(gossip_fanout(3, 5), 3U);
  EXPECT_EQ(gossip_fanout(200, 199), 15U);
  EXPECT_EQ(gossip_fanout(200, 4), 4U);
}

}  // namespace
}  // namespace weft::gossip
