#pragma once
/// What this node believes about the mesh and what follows from it: the peer table, both routing
/// tables, garbage collection, and when to tell whom. Knows no connections and no octets.

#include <map>
#include <memory>
#include <optional>
#include <string>

#include <weft/events/topology.hpp>
#include <weft/loop.hpp>
#include <weft/net/peer_name.hpp>

#include "gossip/peers.hpp"
#include "gossip/routes.hpp"

namespace weft::gossip {

/// Who gets an announcement that does not wait.
enum class Audience : std::uint8_t {
  weft,      ///< Weave Net peers get it with the next collected one, as from each other
  everybody  ///< somebody believes a claim that is not ours until they hear
};

/// What the rest of the node is told of the mesh.
class MeshEvents {
 public:
  virtual void on_routes(std::shared_ptr<const Routes> routes) = 0;
  virtual void on_topology(std::shared_ptr<const Topology> topology) = 0;
  virtual void on_peer_up(const Topology::Peer& peer) = 0;
  virtual void on_peer_down(const Topology::Peer& peer) = 0;

 protected:
  ~MeshEvents() = default;
};

/// Who does what changes call for.
class MeshObserver {
 public:
  /// Of the peers that the operator named, how many this node is to be connected to.
  [[nodiscard]] virtual std::size_t active_direct_peers() const = 0;
  /// Peers are known that may be worth a connection, or no longer are.
  virtual void on_candidates_changed() = 0;
  /// These entries, ours among them, are news to the mesh: gossip them.
  virtual void announce(const PeerNames& names) = 0;
  /// The same, but at once: to neighbours that can take it so, or to all. Answers whether that was
  /// everybody.
  virtual bool announce_at_once(const PeerNames& names, Audience audience) = 0;

 protected:
  ~MeshObserver() = default;
};

/// Used on the mesh's loop only.
class MeshState {
 public:
  /// Changes of the topology are collected this long before they are gossiped.
  static constexpr Duration announce_delay = std::chrono::seconds{1};
  /// Neighbours that can take it at once are told of an established connection, and of a short id
  /// that we had to give up, this soon, since no frame passes before they know. Several at a time,
  /// then one a second.
  static constexpr Duration prompt_delay = std::chrono::milliseconds{20};
  static constexpr unsigned prompt_burst = 3;
  static constexpr Duration garbage_delay = std::chrono::seconds{1};
  /// Routes follow news at most this often; a lost connection, at once. In a mesh of very many
  /// connections less often, as the work grows with them.
  static constexpr Duration recalculation_interval = std::chrono::milliseconds{100};
  static constexpr std::size_t connections_per_interval = 50'000;
  /// Where broadcasts go is searched in slices of so many vertices: some 10 ms of work in an
  /// unoptimised build. Up to 360 peers are one slice.
  static constexpr std::size_t search_slice = 128U << 10U;

  MeshState(Loop& loop, Peers::Self self, MeshEvents& events, MeshObserver& observer,
            std::size_t max_peers = Peers::default_max_peers);

  [[nodiscard]] const Peers& peers() const noexcept { return peers_; }
  [[nodiscard]] PeerName self() const noexcept { return peers_.self().name; }
  /// Over established, symmetric connections: where frames go.
  [[nodiscard]] const RoutingTable& frame_routes() const noexcept { return frame_routes_; }
  /// Over all connections: where messages go.
  [[nodiscard]] const RoutingTable& message_routes() const noexcept { return message_routes_; }
  /// What the events told of the topology last.
  [[nodiscard]] const std::shared_ptr<const Topology>& published_topology() const noexcept {
    return published_topology_;
  }
  /// Tells the topology again: another number of direct peers is active.
  void publish_topology();
  /// What the events told of the frame routes last.
  [[nodiscard]] const std::shared_ptr<const Routes>& published_routes() const noexcept {
    return published_routes_;
  }
  /// Neighbours that get `origin`'s broadcast from us.
  [[nodiscard]] std::span<const PeerName> broadcast_route(PeerName origin);

  /// The neighbour that tells something.
  struct Teller {
    PeerName name{};
    bool is_weft = false;  ///< tells all its neighbours of itself, where Weave Net tells some
  };
  /// Merges what `teller` says.
  PeersUpdate apply(std::vector<Topology::Peer> update, const Teller& teller);

  void add_reference(Topology::Peer remote);
  void drop_reference(PeerName remote);

  void connection_added(Topology::Connection connection);
  void connection_established(PeerName remote);
  void connection_lost(PeerName remote);
  /// The connection gives way to another one to the same peer: nobody need know.
  void connection_replaced(PeerName remote);

 private:
  [[nodiscard]] Standing standing(const Teller& teller, PeerName about) const;
  void follow_up(const PeersChange& change);
  void settle_loss();
  void recalculate();
  void recalculate_soon();
  void search_routes();
  void publish_routes();
  void collect_garbage();
  void collect_garbage_soon();
  void announce_soon(const PeerNames& names);
  void announce_collected();
  void announce_now();
  void announce_promptly();
  void report_peers();

  Loop& loop_;
  MeshEvents& events_;
  MeshObserver& observer_;
  Peers peers_;
  std::shared_ptr<const Topology> published_topology_;
  RoutingTable message_routes_;
  RoutingTable frame_routes_;
  std::shared_ptr<const Routes> published_routes_;
  struct Reported {
    std::string nickname;
    std::optional<ShortId> short_id;
    bool operator==(const Reported&) const = default;
  };
  std::map<PeerName, Reported> reported_;  // peers of which on_peer_up told last
  PeerNames self_told_;  // neighbours that told us of themselves: nobody else knows better
  PeerNames unannounced_;
  std::optional<TimePoint> recalculated_;
  Audience audience_ = Audience::weft;  ///< of the prompt announcement that waits
  TimePoint prompts_full_{};  ///< when a whole burst of prompt announcements is allowed again
  Timer announcement_;
  Timer prompt_;
  Timer garbage_;
  Timer recalculation_;
  Timer search_;
  Timer loss_;
};

}  // namespace weft::gossip
