#pragma once
/// The peer table: everything this node knows about the mesh, merged from what peers say.
/// Source: weaveworks/mesh peers.go.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <weft/events/topology.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>

#include "gossip/claims.hpp"
#include "gossip/graph.hpp"
#include "gossip/refusals.hpp"
#include "gossip/short_ids.hpp"

namespace weft::gossip {

using PeerNames = std::set<PeerName>;

/// What one change did to the table.
struct PeersChange {
  bool self_changed = false;       ///< our own entry: tell the others
  bool self_outbid = false;        ///< and at once: somebody claims to know it better
  bool short_ids_changed = false;  ///< an id means another peer now
  std::vector<Topology::Peer> removed;
};

/// What a topology message did to the table.
struct PeersUpdate {
  /// Entries refused for one reason, and named peers that got no place.
  struct Refused {
    PeerName first{};  ///< whom the first of them is about
    std::uint64_t count = 0;
  };

  PeerNames described;  ///< every peer of which the message had an entry that may be passed on
  PeerNames accepted;   ///< those that were new or newer than what we knew
  PeerNames uncounted;  ///< those of them whose next hops alone are believed: tell everybody
  std::map<Refusal, Refused> refused;
  /// Of claims that peers themselves overrule the greatest about each, without connections: they
  /// are to hear of it, as others may believe it.
  std::map<PeerName, Topology::Peer> overruled;
  PeersChange change;
};

/// Used on the mesh's loop only. Bounded, whatever peers claim: a peer for which there is no room
/// is refused by itself, and one that nothing confirms makes room for one that is better known.
class Peers {
 public:
  static constexpr std::size_t default_max_peers = 1024;
  /// Memory for the connections of each neighbour, which is always there: more than the 200 of
  /// Weave Net's default limit. How many neighbours there are is for us to say.
  static constexpr std::size_t neighbour_bytes = 16U << 10U;
  /// The same for each other peer that frames reach: some 20 connections. Peers choose how many
  /// they invent, and make each other look reached.
  static constexpr std::size_t reached_bytes = 1U << 10U;
  /// Memory for each peer of the limit that they share: for what exceeds their shares, and for
  /// peers that nothing reaches, be they new or invented. A full mesh of 200 fits at once, before
  /// any of them is a neighbour.
  static constexpr std::size_t pool_bytes = 3U << 10U;

  using Draw = std::function<std::uint64_t(std::uint64_t bound)>;

  struct Self {
    PeerName name{};
    std::string nickname;
    std::uint64_t uid = 0;
    ShortId short_id = 0;
  };

  /// `draw(n)` gives a uniformly random integer in [0, n).
  Peers(Self self, Draw draw, std::size_t max_peers = default_max_peers);

  [[nodiscard]] const Topology::Peer& self() const noexcept { return self_->second.info; }
  /// Null when unknown. Valid until the next change.
  [[nodiscard]] const Topology::Peer* find(PeerName name) const noexcept;
  /// The first peer whose name is not below `name`, or else the first of all.
  [[nodiscard]] const Topology::Peer& from(PeerName name) const noexcept;
  /// Differs whenever the table may.
  [[nodiscard]] std::uint64_t changes() const noexcept { return changes_; }
  [[nodiscard]] std::size_t size() const noexcept { return peers_.size(); }
  [[nodiscard]] PeerNames names() const;
  /// Those of `names` that are still known. Valid until the next change.
  [[nodiscard]] std::vector<const Topology::Peer*> describe(const PeerNames& names) const;
  /// Calls `visit` for every peer, ascending by name; their connections ascend by remote.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [name, entry] : peers_) {
      visit(entry.info);
    }
  }

  /// How near the neighbour that tells something is to the peer that it is about.
  using StandingOf = std::function<Standing(PeerName)>;

  /// Merges a topology message, entry by entry.
  PeersUpdate apply(std::vector<Topology::Peer> update, const StandingOf& standing_of = {});

  /// A connection identified its remote: `remote` joins the table, if it is not there, and stays
  /// as long as it is referenced.
  [[nodiscard]] PeersChange add_reference(Topology::Peer remote);
  /// When its connections have no room among those of other peers, only its name is kept.
  [[nodiscard]] PeersChange drop_reference(PeerName remote);

  /// Our own connections. Each raises our version.
  void add_connection(Topology::Connection connection);
  void set_established(PeerName remote);
  void remove_connection(PeerName remote);

  /// Forgets peers that no chain of connections leads to and no reference holds.
  [[nodiscard]] PeersChange collect_garbage();

  /// Says which peers frames reach: these keep their places when the table is full.
  void note_reached(const std::function<bool(PeerName)>& is_reached);

  struct Graphs {
    Graph any;
    Graph symmetric;
  };
  /// Both graphs of the mesh, for less than twice the price of one.
  [[nodiscard]] Graphs graphs() const;
  [[nodiscard]] Graph graph(EdgeRule rule) const;
  /// Connections in the table, which is what work on it costs.
  [[nodiscard]] std::size_t connections() const noexcept { return connections_; }
  [[nodiscard]] std::shared_ptr<Topology> snapshot() const;

 private:
  struct Entry {
    Topology::Peer info;
    unsigned references = 0;
    bool is_reached = false;
    std::size_t excess = 0;  // of its connections' memory over its share

    [[nodiscard]] std::size_t share() const noexcept {
      return references != 0 ? neighbour_bytes : is_reached ? reached_bytes : 0;
    }
  };
  using Table = std::map<PeerName, Entry>;

  [[nodiscard]] Graph::Builder builder() const;
  void apply_to_self(const Topology::Peer& claim, PeersChange& change);
  [[nodiscard]] std::optional<Refusal> take(Table::iterator known, Topology::Peer peer,
                                            PeersChange& change);
  static void note_overruled(const Topology::Peer& claim, PeersUpdate& update);
  [[nodiscard]] std::size_t pool() const noexcept { return max_peers_ * pool_bytes; }
  [[nodiscard]] bool has_memory(const Entry* known, const Topology::Peer& peer) const;
  void account(Entry& entry);
  [[nodiscard]] bool make_room(bool also_reached, PeersChange& change);
  void remove(Table::iterator entry, PeersChange& change);
  Entry& insert(Topology::Peer peer, PeersChange& change);
  void insert_neighbours(const Topology::Peer& peer, PeersUpdate& update);
  void supersede(Entry& entry, Topology::Peer newer, PeersChange& change);
  void index(const Topology::Peer& peer, PeersChange& change);
  void unindex(const Topology::Peer& peer, PeersChange& change);
  void choose_short_id_again(PeersChange& change);

  Table peers_;
  Table::iterator self_;
  ShortIds short_ids_;
  std::size_t connections_ = 0;
  std::size_t excess_ = 0;  // of all entries
  std::uint64_t changes_ = 0;
  std::size_t max_peers_;
  Draw draw_;
};

}  // namespace weft::gossip
