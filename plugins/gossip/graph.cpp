/// Breadth-first searches over the mesh, word-wise where vertices have many neighbours.

#include "gossip/graph.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace weft::gossip {

/// The vertices seen so far, one bit each.
class Graph::VertexSet {
 public:
  explicit VertexSet(std::size_t words) : words_(words) {}

  [[nodiscard]] bool contains(Vertex vertex) const noexcept {
    return (words_[vertex / word_bits] >> (vertex % word_bits) & 1U) != 0;
  }
  void insert(Vertex vertex) noexcept {
    words_[vertex / word_bits] |= Word{1} << (vertex % word_bits);
  }
  /// Adds a row of vertices and calls `visit` for each that was not in the set.
  template <class Visit>
  void merge(std::span<const Word> row, Visit visit) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      Word fresh = row[i] & ~words_[i];
      words_[i] |= fresh;
      for (; fresh != 0; fresh &= fresh - 1) {
        visit(
            static_cast<Vertex>(i * word_bits + static_cast<std::size_t>(std::countr_zero(fresh))));
      }
    }
  }

 private:
  std::vector<Word> words_;
};

/// One breadth-first search. Each level is expanded in ascending order of name.
class Graph::Search {
 public:
  Search(const Graph& graph, Vertex from) : graph_(graph), seen_(graph.row_words_), level_{from} {
    seen_.insert(from);
    count_ = 1;
  }

  [[nodiscard]] const VertexSet& seen() const noexcept { return seen_; }
  [[nodiscard]] bool has_seen_all() const noexcept { return count_ == graph_.size(); }

  /// Calls `expand(parent)` before, and `discover(parent, child)` while taking each parent from the
  /// work list. Ends when `expand` answers false.
  template <class Expand, class Discover>
  void run(Expand expand, Discover discover) {
    while (!level_.empty()) {
      std::sort(level_.begin(), level_.end());
      std::vector<Vertex> next;
      for (const Vertex parent : level_) {
        if (!expand(parent)) {
          return;
        }
        each_unseen(parent, [&](Vertex child) {
          ++count_;
          next.push_back(child);
          discover(parent, child);
        });
      }
      level_ = std::move(next);
    }
  }

 private:
  template <class Visit>
  void each_unseen(Vertex parent, Visit visit) {
    const auto neighbours = graph_.neighbours(parent);
    if (neighbours.size() > graph_.row_words_) {
      seen_.merge(graph_.row(parent), visit);
      return;
    }
    for (const Vertex child : neighbours) {
      if (!seen_.contains(child)) {
        seen_.insert(child);
        visit(child);
      }
    }
  }

  const Graph& graph_;
  VertexSet seen_;
  std::vector<Vertex> level_;
  std::size_t count_ = 0;
};

/// Finds the vertex of each edge's remote. Most lists ascend: a search then goes on where the one
/// before it ended, in steps that double.
void Graph::Builder::resolve() {
  if (std::exchange(is_resolved_, true)) {
    return;
  }
  auto at = names_.begin();
  for (Listed& listed : edges_) {
    const PeerName name = listed.edge.remote;
    if (at == names_.end() || *at > name) {
      at = names_.begin();
    }
    std::ptrdiff_t step = 1;
    auto next = at;
    while (names_.end() - next > step && *(next + step) < name) {
      next += step;
      step *= 2;
    }
    at = std::lower_bound(next, names_.end() - next > step ? next + step + 1 : names_.end(), name);
    const auto vertex = static_cast<Vertex>(at - names_.begin());
    const bool is_found = at != names_.end() && *at == name && vertex != listed.from;
    listed.to = is_found ? vertex : none;
  }
}

Graph Graph::Builder::build(EdgeRule rule) {
  resolve();
  Graph graph;
  graph.names_ = names_;
  graph.row_words_ = (names_.size() + word_bits - 1) / word_bits;
  graph.rows_.resize(names_.size() * graph.row_words_);
  for (const auto& [from, edge, to] : edges_) {
    if (to != none && (rule == EdgeRule::any || edge.established)) {
      graph.rows_[from * graph.row_words_ + to / word_bits] |= Word{1} << (to % word_bits);
    }
  }
  if (rule == EdgeRule::established_symmetric) {
    const auto lists = [&graph, forward = graph.rows_](Vertex from, Vertex to) {
      return (forward[from * graph.row_words_ + to / word_bits] >> (to % word_bits) & 1U) != 0;
    };
    for (const auto& [from, edge, to] : edges_) {
      if (to != none && !lists(to, from)) {
        graph.rows_[from * graph.row_words_ + to / word_bits] &= ~(Word{1} << (to % word_bits));
      }
    }
  }

  graph.starts_.reserve(names_.size() + 1);
  for (Vertex from = 0; from < names_.size(); ++from) {
    graph.starts_.push_back(graph.targets_.size());
    VertexSet{graph.row_words_}.merge(graph.row(from),
                                      [&](Vertex to) { graph.targets_.push_back(to); });
  }
  graph.starts_.push_back(graph.targets_.size());
  return graph;
}

Graph::Vertex Graph::find(PeerName name) const noexcept {
  const auto at = std::lower_bound(names_.begin(), names_.end(), name);
  return at != names_.end() && *at == name ? static_cast<Vertex>(at - names_.begin()) : none;
}

std::vector<Graph::Vertex> Graph::next_hops(Vertex from) const {
  std::vector<Vertex> hops(size(), none);
  Search search(*this, from);
  search.run(
      [&](Vertex) { return !search.has_seen_all(); },
      [&](Vertex parent, Vertex child) { hops[child] = parent == from ? child : hops[parent]; });
  return hops;
}

std::vector<Graph::Vertex> Graph::broadcast_hops(Vertex origin, Vertex self) const {
  Search search(*this, origin);
  bool is_reached = false;
  search.run(
      [&](Vertex parent) {
        is_reached = parent == self;
        return !is_reached && !search.has_seen_all();
      },
      [](Vertex, Vertex) {});
  std::vector<Vertex> hops;
  if (is_reached) {
    const auto all = neighbours(self);
    std::copy_if(all.begin(), all.end(), std::back_inserter(hops),
                 [&](Vertex neighbour) { return !search.seen().contains(neighbour); });
  }
  return hops;
}

}  // namespace weft::gossip
