/// Consequences of changes in the peer table, and their timing.

#include "gossip/mesh_state.hpp"

#include <algorithm>
#include <utility>

namespace weft::gossip {
namespace {

bool same_routes(const Routes& a, const Routes& b) {
  const auto same_unicast = [](const Routes::Unicast& x, const Routes::Unicast& y) {
    return x.destination == y.destination && x.via == y.via;
  };
  const auto same_broadcast = [](const Routes::Broadcast& x, const Routes::Broadcast& y) {
    return x.origin == y.origin && x.hops == y.hops;
  };
  return std::equal(a.unicast.begin(), a.unicast.end(), b.unicast.begin(), b.unicast.end(),
                    same_unicast) &&
         std::equal(a.broadcast.begin(), a.broadcast.end(), b.broadcast.begin(), b.broadcast.end(),
                    same_broadcast);
}

}  // namespace

MeshState::MeshState(Loop& loop, Peers::Self self, MeshEvents& events, MeshObserver& observer,
                     std::size_t max_peers)
    : loop_(loop),
      events_(events),
      observer_(observer),
      peers_(
          std::move(self), [&loop](std::uint64_t bound) { return random_below(loop, bound); },
          max_peers),
      published_topology_(peers_.snapshot()),
      message_routes_(peers_.graph(EdgeRule::any), peers_.self().name),
      frame_routes_(peers_.graph(EdgeRule::established_symmetric), peers_.self().name),
      published_routes_(frame_routes_.snapshot()) {}

/// A broadcast can overtake the recalculation after which its origin is known.
std::span<const PeerName> MeshState::broadcast_route(PeerName origin) {
  if (recalculation_.is_set() && message_routes_.graph().find(origin) == Graph::none &&
      peers_.find(origin) != nullptr) {
    recalculate();
  }
  return message_routes_.broadcast(origin);
}

PeersUpdate MeshState::apply(std::vector<Topology::Peer> update, const Teller& teller) {
  PeersUpdate result = peers_.apply(std::move(update), [&](PeerName about) {
    const Standing found = standing(teller, about);
    if (found == Standing::itself) {
      self_told_.insert(about);
    }
    return found;
  });
  follow_up(result.change);
  collect_garbage_soon();
  if (!result.accepted.empty()) {
    recalculate_soon();
    observer_.on_candidates_changed();
  }
  return result;
}

/// A peer's own list does not change where routes to it go, so that nobody can make up a nearest
/// neighbour by a claim about the peer alone.
Standing MeshState::standing(const Teller& teller, PeerName about) const {
  if (teller.name == about) {
    return teller.is_weft ? Standing::itself : Standing::nearest;
  }
  if (self_told_.contains(about)) {
    return Standing::overruled;
  }
  auto hop = frame_routes_.unicast(about);
  if (!hop) {
    hop = message_routes_.unicast(about);
  }
  return hop == teller.name ? Standing::nearest : Standing::hearsay;
}

void MeshState::add_reference(Topology::Peer remote) {
  follow_up(peers_.add_reference(std::move(remote)));
}

void MeshState::drop_reference(PeerName remote) {
  const std::uint64_t changes = peers_.changes();
  follow_up(peers_.drop_reference(remote));
  if (peers_.changes() != changes) {
    recalculate_soon();
  }
  collect_garbage_soon();
}

void MeshState::connection_added(Topology::Connection connection) {
  const PeerName remote = connection.remote;
  peers_.add_connection(std::move(connection));
  recalculate_soon();
  announce_soon({remote});
}

void MeshState::connection_established(PeerName remote) {
  peers_.set_established(remote);
  recalculate_soon();
  announce_soon({});
  announce_promptly();
}

/// On the next turn, so that a cut through many connections is worked up once.
void MeshState::connection_lost(PeerName remote) {
  self_told_.erase(remote);
  peers_.remove_connection(remote);
  if (!loss_.is_set()) {
    loss_ = loop_.after(Duration::zero(), [this] { settle_loss(); });
  }
}

/// Garbage goes first, so that no update tells of peers that nobody can reach any more.
void MeshState::settle_loss() {
  loss_.cancel();
  collect_garbage();
  recalculate();
  announce_now();
}

void MeshState::connection_replaced(PeerName remote) {
  self_told_.erase(remote);
  peers_.remove_connection(remote);
}

void MeshState::follow_up(const PeersChange& change) {
  for (const Topology::Peer& peer : change.removed) {
    if (reported_.erase(peer.name) != 0) {
      events_.on_peer_down(peer);
    }
  }
  if (change.self_outbid) {
    audience_ = Audience::everybody;
  }
  if (change.self_changed) {
    announce_soon({});
    announce_promptly();
  }
  if (change.self_changed || !change.removed.empty()) {
    recalculate_soon();
  }
}

void MeshState::recalculate() {
  recalculation_.cancel();
  recalculated_ = loop_.now();
  auto [any, frames] = peers_.graphs();
  message_routes_ = RoutingTable(std::move(any), self());
  if (!(frames == frame_routes_.graph())) {
    frame_routes_ = RoutingTable(std::move(frames), self());
    peers_.note_reached([this](PeerName name) { return frame_routes_.unicast(name).has_value(); });
    if (search_.is_set()) {
      publish_routes();  // in one go: connections that are lost again and again delay nothing
    } else {
      search_routes();
    }
  }
  publish_topology();
  report_peers();
}

/// Each origin of broadcasts is a search of its own, through the whole mesh.
void MeshState::search_routes() {
  search_.cancel();
  if (frame_routes_.search_broadcasts(search_slice)) {
    publish_routes();
  } else {
    search_ = loop_.after(Duration::zero(), [this] { search_routes(); });
  }
}

void MeshState::publish_routes() {
  search_.cancel();
  auto routes = frame_routes_.snapshot();
  if (!same_routes(*routes, *published_routes_)) {
    published_routes_ = routes;
    events_.on_routes(std::move(routes));
  }
}

/// The first news acts at once; a burst of it is worked up together, and not before the routes of
/// the last one are known.
void MeshState::recalculate_soon() {
  if (recalculation_.is_set()) {
    return;
  }
  const TimePoint now = loop_.now();
  const Duration interval =
      recalculation_interval * (1 + peers_.connections() / connections_per_interval);
  const TimePoint due = recalculated_ ? *recalculated_ + interval : now;
  recalculation_ = loop_.after(std::max<Duration>(due - now, Duration::zero()), [this] {
    recalculation_.cancel();
    if (search_.is_set()) {
      recalculated_ = loop_.now();
      recalculate_soon();
    } else {
      recalculate();
    }
  });
}

void MeshState::collect_garbage() {
  garbage_.cancel();
  follow_up(peers_.collect_garbage());
}

void MeshState::collect_garbage_soon() {
  if (!garbage_.is_set()) {
    garbage_ = loop_.after(garbage_delay, [this] { collect_garbage(); });
  }
}

void MeshState::announce_soon(const PeerNames& names) {
  unannounced_.insert(self());
  unannounced_.insert(names.begin(), names.end());
  if (!announcement_.is_set()) {
    announcement_ = loop_.after(announce_delay, [this] { announce_collected(); });
  }
}

void MeshState::announce_collected() {
  announcement_.cancel();
  observer_.announce(std::exchange(unannounced_, {}));
}

void MeshState::announce_now() {
  announce_soon({});
  if (observer_.announce_at_once(unannounced_, std::exchange(audience_, Audience::weft))) {
    unannounced_.clear();
    announcement_.cancel();
  }
}

/// A token bucket: `prompts_full_` moves a second ahead with each announcement.
void MeshState::announce_promptly() {
  constexpr Duration refill = std::chrono::seconds{1};
  const TimePoint now = loop_.now();
  prompts_full_ = std::max(prompts_full_, now);
  if (prompt_.is_set() || prompts_full_ - now > (prompt_burst - 1) * refill) {
    return;  // it goes with the one that waits, or with the collected news
  }
  prompts_full_ += refill;
  prompt_ = loop_.after(prompt_delay, [this] {
    prompt_.cancel();
    announce_now();
  });
}

/// A peer is up once it has described itself and a message can reach it.
void MeshState::report_peers() {
  peers_.for_each([this](const Topology::Peer& peer) {
    if (peer.name == self() || peer.uid == 0 || !message_routes_.unicast(peer.name)) {
      return;
    }
    Reported report{peer.nickname, peer.short_id};
    const auto [at, is_new] = reported_.try_emplace(peer.name, report);
    if (is_new || at->second != report) {
      at->second = std::move(report);
      events_.on_peer_up(peer);
    }
  });
}

void MeshState::publish_topology() {
  auto topology = peers_.snapshot();
  topology->direct_peers = observer_.active_direct_peers();
  published_topology_ = std::move(topology);
  events_.on_topology(published_topology_);
}

}  // namespace weft::gossip
