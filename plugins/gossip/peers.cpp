/// Merging topology messages into the peer table.

#include "gossip/peers.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace weft::gossip {
namespace {

/// Connection lists come in any order and may name a peer twice: the last one counts.
void normalise(std::vector<Topology::Connection>& connections) {
  const auto by_remote = [](const auto& a, const auto& b) { return a.remote < b.remote; };
  const auto same_remote = [](const auto& a, const auto& b) { return a.remote == b.remote; };
  std::reverse(connections.begin(), connections.end());
  std::stable_sort(connections.begin(), connections.end(), by_remote);
  connections.erase(std::unique(connections.begin(), connections.end(), same_remote),
                    connections.end());
}

auto find_connection(std::vector<Topology::Connection>& connections, PeerName remote) {
  return std::find_if(connections.begin(), connections.end(),
                      [remote](const auto& connection) { return connection.remote == remote; });
}

/// Whether `received` replaces what we know. A short id is also news to a peer first met through
/// protocol 1. Source: weaveworks/mesh peers.go, applyDecodedUpdate.
bool is_newer(const Topology::Peer& received, const Topology::Peer& known) {
  if (received.version != known.version) {
    return received.version > known.version;
  }
  if (received.uid != known.uid) {
    return received.uid > known.uid;
  }
  return received.short_id && !known.short_id;
}

}  // namespace

Peers::Peers(Self self, Draw draw) : draw_(std::move(draw)) {
  Topology::Peer info;
  info.name = self.name;
  info.nickname = std::move(self.nickname);
  info.uid = self.uid;
  info.short_id = self.short_id;
  PeersChange change;
  index(info, change);
  self_ = peers_.emplace(self.name, Entry{std::move(info), 1}).first;
}

const Topology::Peer* Peers::find(PeerName name) const noexcept {
  const auto at = peers_.find(name);
  return at == peers_.end() ? nullptr : &at->second.info;
}

PeerNames Peers::names() const {
  PeerNames names;
  for (const auto& [name, entry] : peers_) {
    names.insert(names.end(), name);
  }
  return names;
}

std::vector<const Topology::Peer*> Peers::describe(const PeerNames& names) const {
  std::vector<const Topology::Peer*> described;
  for (const PeerName name : names) {
    if (const Topology::Peer* const peer = find(name)) {
      described.push_back(peer);
    }
  }
  return described;
}

Result<PeersUpdate> Peers::apply(std::vector<Topology::Peer> update) {
  for (Topology::Peer& peer : update) {
    normalise(peer.connections);
  }
  WEFT_TRY(check_bounds(update));
  PeersUpdate result;
  for (Topology::Peer& peer : update) {
    const PeerName name = peer.name;
    result.described.insert(name);
    insert_neighbours(peer, result.change);
    const auto known = peers_.find(name);
    if (known == peers_.end()) {
      insert(std::move(peer), result.change);
    } else if (known == self_) {
      // An old incarnation of ours is still remembered: outbid its version.
      Topology::Peer& self = self_->second.info;
      if (peer.uid != self.uid && peer.version >= self.version) {
        self.version = peer.version + 1;
        result.change.self_changed = true;
      }
      continue;
    } else if (!supersede(known->second, std::move(peer), result.change)) {
      continue;
    }
    result.accepted.insert(name);
  }
  choose_short_id_again(result.change);
  return result;
}

Result<> Peers::check_bounds(const std::vector<Topology::Peer>& update) const {
  PeerNames fresh;
  std::size_t connections = connections_;
  const auto note = [&](PeerName name) {
    if (!peers_.contains(name)) {
      fresh.insert(name);
    }
  };
  for (const Topology::Peer& peer : update) {
    note(peer.name);
    connections += peer.connections.size();
    for (const auto& connection : peer.connections) {
      note(connection.remote);
    }
  }
  if (peers_.size() + fresh.size() > max_peers) {
    return fail(Errc::malformed, fmt::format("accept a mesh of more than {} peers", max_peers));
  }
  if (connections > max_connections) {
    return fail(Errc::malformed,
                fmt::format("accept a mesh of more than {} connections", max_connections));
  }
  return {};
}

Peers::Entry& Peers::insert(Topology::Peer peer, PeersChange& change) {
  index(peer, change);
  connections_ += peer.connections.size();
  const PeerName name = peer.name;
  return peers_.emplace(name, Entry{std::move(peer), 0}).first->second;
}

/// Peers known only as somebody's neighbour get a place: uid and version 0, no short id.
void Peers::insert_neighbours(const Topology::Peer& peer, PeersChange& change) {
  for (const auto& connection : peer.connections) {
    if (!peers_.contains(connection.remote) && connection.remote != peer.name) {
      Topology::Peer placeholder;
      placeholder.name = connection.remote;
      insert(std::move(placeholder), change);
    }
  }
}

bool Peers::supersede(Entry& entry, Topology::Peer newer, PeersChange& change) {
  Topology::Peer& known = entry.info;
  if (!is_newer(newer, known)) {
    return false;
  }
  const bool is_reindexed = newer.short_id != known.short_id;
  if (is_reindexed) {
    unindex(known, change);
  }
  connections_ += newer.connections.size();
  connections_ -= known.connections.size();
  known = std::move(newer);
  if (is_reindexed) {
    index(known, change);
  }
  return true;
}

PeersChange Peers::add_reference(Topology::Peer remote) {
  PeersChange change;
  const auto known = peers_.find(remote.name);
  Entry& entry = known == peers_.end() ? insert(std::move(remote), change) : known->second;
  ++entry.references;
  choose_short_id_again(change);
  return change;
}

void Peers::drop_reference(PeerName remote) {
  const auto known = peers_.find(remote);
  WEFT_CHECK(known != peers_.end() && known->second.references > 0,
             "a referenced peer stays in the table");
  --known->second.references;
}

void Peers::add_connection(Topology::Connection connection) {
  Topology::Peer& self = self_->second.info;
  const auto at = std::lower_bound(
      self.connections.begin(), self.connections.end(), connection.remote,
      [](const auto& existing, PeerName remote) { return existing.remote < remote; });
  self.connections.insert(at, std::move(connection));
  ++connections_;
  ++self.version;
}

void Peers::set_established(PeerName remote) {
  Topology::Peer& self = self_->second.info;
  const auto at = find_connection(self.connections, remote);
  WEFT_CHECK(at != self.connections.end(), "only an existing connection becomes established");
  at->established = true;
  ++self.version;
}

void Peers::remove_connection(PeerName remote) {
  Topology::Peer& self = self_->second.info;
  const auto at = find_connection(self.connections, remote);
  WEFT_CHECK(at != self.connections.end(), "only an existing connection is removed");
  self.connections.erase(at);
  --connections_;
  ++self.version;
}

PeersChange Peers::collect_garbage() {
  PeersChange change;
  const Graph all = graph(EdgeRule::any);
  const Graph::Vertex self = all.find(self_->first);
  const std::vector<Graph::Vertex> hops = all.next_hops(self);
  Graph::Vertex vertex = 0;
  for (auto at = peers_.begin(); at != peers_.end(); ++vertex) {
    if (vertex == self || hops[vertex] != Graph::none || at->second.references != 0) {
      ++at;
      continue;
    }
    unindex(at->second.info, change);
    connections_ -= at->second.info.connections.size();
    change.removed.push_back(std::move(at->second.info));
    at = peers_.erase(at);
  }
  if (!change.removed.empty()) {
    choose_short_id_again(change);
  }
  return change;
}

void Peers::index(const Topology::Peer& peer, PeersChange& change) {
  if (peer.short_id && *peer.short_id < short_id_count) {
    change.short_ids_changed |= short_ids_.insert(*peer.short_id, peer.name);
  }
}

void Peers::unindex(const Topology::Peer& peer, PeersChange& change) {
  if (peer.short_id && *peer.short_id < short_id_count) {
    change.short_ids_changed |= short_ids_.erase(*peer.short_id, peer.name);
  }
}

/// The lower name keeps a short id that two peers chose; when that is not us, we take another.
void Peers::choose_short_id_again(PeersChange& change) {
  Topology::Peer& self = self_->second.info;
  if (short_ids_.principal(*self.short_id) == self.name) {
    return;
  }
  const std::optional<ShortId> id = short_ids_.choose_free(draw_);
  if (!id) {
    return;  // garbage collection may free one: it calls again
  }
  unindex(self, change);
  self.short_id = *id;
  index(self, change);
  ++self.version;
  change.self_changed = true;
}

Graph Peers::graph(EdgeRule rule) const {
  Graph::Builder builder;
  for (const auto& [name, entry] : peers_) {
    builder.add_peer(name);
    for (const auto& connection : entry.info.connections) {
      builder.add_edge({connection.remote, connection.established});
    }
  }
  return builder.build(rule);
}

std::shared_ptr<Topology> Peers::snapshot() const {
  auto topology = std::make_shared<Topology>();
  topology->self = self_->first;
  topology->peers.reserve(peers_.size());
  for (const auto& [name, entry] : peers_) {
    topology->peers.push_back(entry.info);
  }
  return topology;
}

}  // namespace weft::gossip
