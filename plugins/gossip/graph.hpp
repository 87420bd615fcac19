#pragma once
/// The mesh as a compact directed graph, and the searches that routes are made of. Pure.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <weft/net/peer_name.hpp>

namespace weft::gossip {

/// Who counts as a neighbour.
enum class EdgeRule : std::uint8_t {
  any,                    ///< A lists B. What gossip uses: a message may travel before overlays do
  established_symmetric,  ///< A lists B as established and B lists A so. What frames use
};

/// Immutable. Vertices are numbered in ascending order of name, so that comparing numbers compares
/// names. Neighbours are kept both as bit sets, for dense meshes, and as lists, for sparse ones.
class Graph {
 public:
  using Vertex = std::uint32_t;
  static constexpr Vertex none = std::numeric_limits<Vertex>::max();

  struct Edge {
    PeerName remote{};
    bool established = false;
  };

  /// Collects peers and their connections. Connections to peers never added are ignored.
  class Builder {
   public:
    void reserve(std::size_t peers, std::size_t edges) {
      names_.reserve(peers);
      edges_.reserve(edges);
    }
    /// In ascending order of name; each name once.
    void add_peer(PeerName name) { names_.push_back(name); }
    /// From the peer added last.
    void add_edge(Edge edge) { edges_.push_back({static_cast<Vertex>(names_.size() - 1), edge}); }
    [[nodiscard]] Graph build(EdgeRule rule);

   private:
    struct Listed {
      Vertex from;
      Edge edge;
      Vertex to = none;  // once resolved
    };

    void resolve();

    std::vector<PeerName> names_;
    std::vector<Listed> edges_;
    bool is_resolved_ = false;
  };

  Graph() = default;

  [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }
  [[nodiscard]] PeerName name(Vertex vertex) const noexcept { return names_[vertex]; }
  /// `none` when there is no such peer.
  [[nodiscard]] Vertex find(PeerName name) const noexcept;
  /// Ascending.
  [[nodiscard]] std::span<const Vertex> neighbours(Vertex vertex) const noexcept {
    return {targets_.data() + starts_[vertex], starts_[vertex + 1] - starts_[vertex]};
  }

  /// For each vertex the neighbour of `from` through which it is reached: `none` when it is not,
  /// and for `from` itself. Ties go to the lowest-named parent at each level.
  /// Source: weaveworks/mesh peer.go, routes.
  [[nodiscard]] std::vector<Vertex> next_hops(Vertex from) const;

  /// The neighbours to which `self` passes a broadcast that began at `origin`, ascending.
  /// Source: weaveworks/mesh routes.go, calculateBroadcast.
  [[nodiscard]] std::vector<Vertex> broadcast_hops(Vertex origin, Vertex self) const;

  bool operator==(const Graph&) const = default;

 private:
  using Word = std::uint64_t;
  static constexpr std::size_t word_bits = 64;

  class VertexSet;
  class Search;

  [[nodiscard]] std::span<const Word> row(Vertex vertex) const noexcept {
    return {rows_.data() + vertex * row_words_, row_words_};
  }

  std::vector<PeerName> names_;      // ascending
  std::vector<std::size_t> starts_;  // of each vertex's run in targets_, and one past the last
  std::vector<Vertex> targets_;      // neighbours, ascending within a run
  std::vector<Word> rows_;           // the same as one bit set per vertex
  std::size_t row_words_ = 0;
};

}  // namespace weft::gossip
