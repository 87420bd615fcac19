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

#include "gossip/graph.hpp"
#include "gossip/short_ids.hpp"

namespace weft::gossip {

using PeerNames = std::set<PeerName>;

/// What one change did to the table.
struct PeersChange {
  bool self_changed = false;       ///< our own entry: tell the others
  bool short_ids_changed = false;  ///< an id means another peer now
  std::vector<Topology::Peer> removed;
};

/// What a topology message did to the table.
struct PeersUpdate {
  PeerNames described;  ///< every peer the message had an entry for
  PeerNames accepted;   ///< those that were new or newer than what we knew
  PeersChange change;
};

/// Used on the mesh's loop only. Never holds more than `max_peers`, whatever peers claim.
class Peers {
 public:
  /// Twice what short ids can tell apart.
  static constexpr std::size_t max_peers = 8192;
  /// Connections in the table and one message together: twice a full mesh of a thousand.
  static constexpr std::size_t max_connections = 2'000'000;

  using Draw = std::function<std::uint64_t(std::uint64_t bound)>;

  struct Self {
    PeerName name{};
    std::string nickname;
    std::uint64_t uid = 0;
    ShortId short_id = 0;
  };

  /// `draw(n)` gives a uniformly random integer in [0, n).
  Peers(Self self, Draw draw);

  [[nodiscard]] const Topology::Peer& self() const noexcept { return self_->second.info; }
  /// Null when unknown. Valid until the next change.
  [[nodiscard]] const Topology::Peer* find(PeerName name) const noexcept;
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

  /// Merges a topology message. Errors: Errc::malformed, and nothing is merged, when the table
  /// would outgrow its bounds. Source: weaveworks/mesh peers.go, applyUpdate.
  [[nodiscard]] Result<PeersUpdate> apply(std::vector<Topology::Peer> update);

  /// A connection identified its remote: `remote` joins the table, if it is not there, and stays
  /// as long as it is referenced.
  [[nodiscard]] PeersChange add_reference(Topology::Peer remote);
  void drop_reference(PeerName remote);

  /// Our own connections. Each raises our version.
  void add_connection(Topology::Connection connection);
  void set_established(PeerName remote);
  void remove_connection(PeerName remote);

  /// Forgets peers that no chain of connections leads to and no reference holds.
  [[nodiscard]] PeersChange collect_garbage();

  [[nodiscard]] Graph graph(EdgeRule rule) const;
  [[nodiscard]] std::shared_ptr<Topology> snapshot() const;

 private:
  struct Entry {
    Topology::Peer info;
    unsigned references = 0;
  };
  using Table = std::map<PeerName, Entry>;

  [[nodiscard]] Result<> check_bounds(const std::vector<Topology::Peer>& update) const;
  Entry& insert(Topology::Peer peer, PeersChange& change);
  void insert_neighbours(const Topology::Peer& peer, PeersChange& change);
  [[nodiscard]] bool supersede(Entry& entry, Topology::Peer newer, PeersChange& change);
  void index(const Topology::Peer& peer, PeersChange& change);
  void unindex(const Topology::Peer& peer, PeersChange& change);
  void choose_short_id_again(PeersChange& change);

  Table peers_;
  Table::iterator self_;
  ShortIds short_ids_;
  std::size_t connections_ = 0;
  Draw draw_;
};

}  // namespace weft::gossip
