#pragma once
/// Where messages and frames go from here: unicast next hops, broadcast hops, random neighbours.
/// Pure; recalculated as a whole, but only where the graph it depends on changed.

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <weft/events/topology.hpp>
#include <weft/net/peer_name.hpp>

#include "gossip/graph.hpp"

namespace weft::gossip {

/// All next hops by one edge rule, as seen from `self`. Broadcast hops are searched when first
/// asked for, and remembered.
class RoutingTable {
 public:
  RoutingTable() = default;
  /// `self` must be a vertex of `graph`.
  RoutingTable(Graph graph, PeerName self);

  [[nodiscard]] const Graph& graph() const noexcept { return graph_; }

  /// The neighbour on the way to `destination`; none for this peer itself and the unreachable.
  [[nodiscard]] std::optional<PeerName> unicast(PeerName destination) const noexcept;
  /// Neighbours that get a broadcast of `origin` from here; none for unknown origins.
  [[nodiscard]] std::span<const PeerName> broadcast(PeerName origin) const;

  struct Weight {
    PeerName neighbour{};
    std::size_t destinations = 0;  ///< how many peers are reached through it
  };
  /// Neighbours with what lies behind them, ascending by name.
  [[nodiscard]] std::vector<Weight> weights() const;
  /// Peers in reach, this one included.
  [[nodiscard]] std::size_t reachable() const noexcept { return reachable_; }

  /// Searches hops of broadcasts that nobody asked for yet, about as many as look at `most`
  /// vertices. Answers whether a snapshot needs no more of them.
  [[nodiscard]] bool search_broadcasts(std::size_t most) const;
  /// The whole table as other plugins see it. Each broadcast that was not searched costs a search.
  [[nodiscard]] std::shared_ptr<const Routes> snapshot() const;

 private:
  Graph graph_;
  Graph::Vertex self_ = Graph::none;
  std::vector<Graph::Vertex> hops_;
  std::size_t reachable_ = 1;
  mutable std::map<PeerName, std::vector<PeerName>> broadcasts_;
  mutable Graph::Vertex searched_ = 0;  // by search_broadcasts: those before it
};

/// Draws without replacement, each with probability proportional to the destinations behind it,
/// `floor(min(2 log2(reachable), candidates))` neighbours other than `except`.
/// `draw(n)` gives a uniformly random integer in [0, n).
/// Source: weaveworks/mesh routes.go, randomNeighbours.
template <class Draw>
[[nodiscard]] std::vector<PeerName> random_neighbours(const RoutingTable& table, PeerName except,
                                                      Draw draw);

/// How many of `candidates` neighbours gossip goes to in a mesh of `peers`.
[[nodiscard]] std::size_t gossip_fanout(std::size_t peers, std::size_t candidates) noexcept;

template <class Draw>
std::vector<PeerName> random_neighbours(const RoutingTable& table, PeerName except, Draw draw) {
  std::vector<RoutingTable::Weight> candidates = table.weights();
  std::erase_if(candidates, [&](const auto& weight) { return weight.neighbour == except; });
  std::size_t total = 0;
  for (const auto& weight : candidates) {
    total += weight.destinations;
  }
  std::vector<PeerName> chosen(gossip_fanout(table.reachable(), candidates.size()));
  for (PeerName& neighbour : chosen) {
    std::size_t point = draw(total);
    auto at = candidates.begin();
    for (; point >= at->destinations; ++at) {
      point -= at->destinations;
    }
    neighbour = at->neighbour;
    total -= at->destinations;
    candidates.erase(at);
  }
  return chosen;
}

}  // namespace weft::gossip
