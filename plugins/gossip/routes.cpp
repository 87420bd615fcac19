/// Routing tables over a graph of the mesh.

#include "gossip/routes.hpp"

#include <algorithm>
#include <cmath>

namespace weft::gossip {

RoutingTable::RoutingTable(Graph graph, PeerName self)
    : graph_(std::move(graph)), self_(graph_.find(self)), hops_(graph_.next_hops(self_)) {
  reachable_ += static_cast<std::size_t>(
      std::count_if(hops_.begin(), hops_.end(), [](auto hop) { return hop != Graph::none; }));
}

std::optional<PeerName> RoutingTable::unicast(PeerName destination) const noexcept {
  const Graph::Vertex vertex = graph_.find(destination);
  if (vertex == Graph::none || hops_[vertex] == Graph::none) {
    return std::nullopt;
  }
  return graph_.name(hops_[vertex]);
}

std::span<const PeerName> RoutingTable::broadcast(PeerName origin) const {
  const Graph::Vertex vertex = graph_.find(origin);
  if (vertex == Graph::none) {
    return {};  // nothing is remembered: invented names must not grow the memory
  }
  const auto [at, is_new] = broadcasts_.try_emplace(origin);
  if (is_new) {
    for (const Graph::Vertex hop : graph_.broadcast_hops(vertex, self_)) {
      at->second.push_back(graph_.name(hop));
    }
  }
  return at->second;
}

std::vector<RoutingTable::Weight> RoutingTable::weights() const {
  std::vector<std::size_t> destinations(graph_.size());
  for (const Graph::Vertex hop : hops_) {
    if (hop != Graph::none) {
      ++destinations[hop];
    }
  }
  std::vector<Weight> weights;
  for (Graph::Vertex vertex = 0; vertex < graph_.size(); ++vertex) {
    if (destinations[vertex] != 0) {
      weights.push_back({graph_.name(vertex), destinations[vertex]});
    }
  }
  return weights;
}

bool RoutingTable::search_broadcasts(std::size_t most) const {
  for (std::size_t looks = 0; searched_ < graph_.size() && looks < most; ++searched_) {
    if (searched_ == self_ || hops_[searched_] != Graph::none) {
      (void)broadcast(graph_.name(searched_));
      looks += graph_.size();
    }
  }
  return searched_ == graph_.size();
}

std::shared_ptr<const Routes> RoutingTable::snapshot() const {
  auto routes = std::make_shared<Routes>();
  routes->self = graph_.name(self_);
  for (Graph::Vertex vertex = 0; vertex < graph_.size(); ++vertex) {
    const PeerName name = graph_.name(vertex);
    if (hops_[vertex] != Graph::none) {
      routes->unicast.push_back({name, graph_.name(hops_[vertex])});
    } else if (vertex != self_) {
      continue;
    }
    const auto hops = broadcast(name);
    routes->broadcast.push_back({name, {hops.begin(), hops.end()}});
  }
  return routes;
}

std::size_t gossip_fanout(std::size_t peers, std::size_t candidates) noexcept {
  const double limit = 2 * std::log2(static_cast<double>(peers));
  return static_cast<std::size_t>(std::min(limit, static_cast<double>(candidates)));
}

}  // namespace weft::gossip
