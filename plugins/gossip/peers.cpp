/// Merging topology messages into the peer table.

#include "gossip/peers.hpp"

#include <algorithm>
#include <utility>

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

/// Octets of memory that a peer's connections take.
std::size_t memory_of(const Topology::Peer& peer) {
  constexpr std::size_t inside = 15;  // shorter texts need no memory of their own
  std::size_t bytes = 0;
  for (const auto& connection : peer.connections) {
    const std::size_t length = connection.address.size();
    bytes += sizeof(connection) + (length > inside ? length + 1 : 0);
  }
  return bytes;
}

std::size_t excess_of(const Topology::Peer& peer, std::size_t share) {
  const std::size_t bytes = memory_of(peer);
  return bytes > share ? bytes - share : 0;
}

void refuse(PeersUpdate& update, Refusal why, PeerName whom) {
  PeersUpdate::Refused& refused = update.refused.try_emplace(why).first->second;
  if (++refused.count == 1) {
    refused.first = whom;
  }
}

std::optional<Refusal> refusal_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::beyond_ceiling:
      return Refusal::beyond_ceiling;
    case Verdict::not_first_hand:
      return Refusal::not_first_hand;
    case Verdict::not_nearest:
      return Refusal::not_nearest;
    case Verdict::take:
    case Verdict::keep:
      break;
  }
  return std::nullopt;
}

}  // namespace

Peers::Peers(Self self, Draw draw, std::size_t max_peers)
    : max_peers_(max_peers), draw_(std::move(draw)) {
  Topology::Peer info;
  info.name = self.name;
  info.nickname = std::move(self.nickname);
  info.uid = self.uid;
  info.short_id = self.short_id;
  PeersChange change;
  index(info, change);
  self_ = peers_.emplace(self.name, Entry{std::move(info), 1, true, 0}).first;
}

const Topology::Peer* Peers::find(PeerName name) const noexcept {
  const auto at = peers_.find(name);
  return at == peers_.end() ? nullptr : &at->second.info;
}

const Topology::Peer& Peers::from(PeerName name) const noexcept {
  const auto at = peers_.lower_bound(name);
  return (at == peers_.end() ? peers_.begin() : at)->second.info;
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

PeersUpdate Peers::apply(std::vector<Topology::Peer> update, const StandingOf& standing_of) {
  PeersUpdate result;
  for (Topology::Peer& peer : update) {
    normalise(peer.connections);
    const PeerName name = peer.name;
    if (name == self_->first && peer.version <= max_version) {
      apply_to_self(peer, result.change);
      result.described.insert(name);
      continue;
    }
    const auto known = peers_.find(name);
    const bool is_uncounted = !is_counted(peer.version) ||
                              (known != peers_.end() && !is_counted(known->second.info.version));
    const Verdict verdict = judge(known == peers_.end() ? nullptr : &known->second.info, peer,
                                  standing_of ? standing_of(name) : Standing::hearsay);
    if (const auto refusal = refusal_of(verdict)) {
      refuse(result, *refusal, name);
      if (verdict == Verdict::not_first_hand) {
        note_overruled(peer, result);
      }
      continue;
    }
    result.described.insert(name);
    if (verdict == Verdict::keep) {
      continue;
    }
    if (const auto refusal = take(known, std::move(peer), result.change)) {
      refuse(result, *refusal, name);
      continue;
    }
    insert_neighbours(peers_.at(name).info, result);
    result.accepted.insert(name);
    if (is_uncounted) {
      result.uncounted.insert(name);
    }
  }
  choose_short_id_again(result.change);
  return result;
}

/// Nobody knows better than we do: not an old incarnation of ours that is still remembered, nor
/// whoever made up an entry.
void Peers::apply_to_self(const Topology::Peer& claim, PeersChange& change) {
  Topology::Peer& self = self_->second.info;
  if (!is_rival(self, claim)) {
    return;
  }
  self.version = version_after(claim.version < max_version ? claim.version : self.version);
  change.self_changed = true;
  change.self_outbid = true;
}

void Peers::note_overruled(const Topology::Peer& claim, PeersUpdate& update) {
  Topology::Peer& greatest = update.overruled[claim.name];
  if (claim.version >= greatest.version) {
    greatest.name = claim.name;
    greatest.version = claim.version;
    greatest.uid = claim.uid;
  }
}

/// Puts an entry into the table, or says why there is no room.
std::optional<Refusal> Peers::take(Table::iterator known, Topology::Peer peer,
                                   PeersChange& change) {
  const bool is_new = known == peers_.end();
  if (!has_memory(is_new ? nullptr : &known->second, peer)) {
    return Refusal::table_full;
  }
  if (!is_new) {
    supersede(known->second, std::move(peer), change);
  } else if (peers_.size() < max_peers_ || (peer.uid != 0 && make_room(false, change))) {
    insert(std::move(peer), change);
  } else {
    return Refusal::table_full;
  }
  return std::nullopt;
}

bool Peers::has_memory(const Entry* known, const Topology::Peer& peer) const {
  const std::size_t excess = excess_of(peer, known == nullptr ? 0 : known->share());
  const std::size_t freed = known == nullptr ? 0 : known->excess;
  return excess <= freed || excess_ - freed + excess <= pool();
}

void Peers::account(Entry& entry) {
  excess_ -= entry.excess;
  entry.excess = excess_of(entry.info, entry.share());
  excess_ += entry.excess;
}

/// Takes the place of a peer that is known by name only, else of one that nobody reaches. Looks at
/// some from a random one on: peers choose how many entries they send.
bool Peers::make_room(bool also_reached, PeersChange& change) {
  constexpr unsigned looks = 64;
  auto at = peers_.lower_bound(PeerName{draw_(std::uint64_t{1} << 48U)});
  auto victim = peers_.end();
  for (unsigned i = 0; i < looks; ++i, ++at) {
    if (at == peers_.end()) {
      at = peers_.begin();
    }
    const Entry& entry = at->second;
    if (entry.references != 0 || (entry.is_reached && !also_reached)) {
      continue;
    }
    if (entry.info.uid == 0) {
      victim = at;
      break;
    }
    if (victim == peers_.end() || (victim->second.is_reached && !entry.is_reached)) {
      victim = at;
    }
  }
  if (victim == peers_.end()) {
    return false;
  }
  remove(victim, change);
  return true;
}

void Peers::remove(Table::iterator entry, PeersChange& change) {
  ++changes_;
  unindex(entry->second.info, change);
  connections_ -= entry->second.info.connections.size();
  excess_ -= entry->second.excess;
  change.removed.push_back(std::move(entry->second.info));
  peers_.erase(entry);
}

Peers::Entry& Peers::insert(Topology::Peer peer, PeersChange& change) {
  index(peer, change);
  connections_ += peer.connections.size();
  const PeerName name = peer.name;
  Entry& entry = peers_.emplace(name, Entry{std::move(peer), 0, false, 0}).first->second;
  ++changes_;
  account(entry);
  return entry;
}

/// Peers known only as somebody's neighbour get a place: uid and version 0, no short id.
void Peers::insert_neighbours(const Topology::Peer& peer, PeersUpdate& update) {
  for (const auto& connection : peer.connections) {
    if (peers_.contains(connection.remote)) {
      continue;
    }
    if (peers_.size() >= max_peers_) {
      refuse(update, Refusal::table_full, connection.remote);
      continue;
    }
    Topology::Peer placeholder;
    placeholder.name = connection.remote;
    insert(std::move(placeholder), update.change);
  }
}

void Peers::supersede(Entry& entry, Topology::Peer newer, PeersChange& change) {
  Topology::Peer& known = entry.info;
  const bool is_reindexed = newer.short_id != known.short_id;
  if (is_reindexed) {
    unindex(known, change);
  }
  connections_ += newer.connections.size();
  connections_ -= known.connections.size();
  known = std::move(newer);
  ++changes_;
  account(entry);
  if (is_reindexed) {
    index(known, change);
  }
}

PeersChange Peers::add_reference(Topology::Peer remote) {
  PeersChange change;
  const auto known = peers_.find(remote.name);
  if (known == peers_.end() && peers_.size() >= max_peers_) {
    (void)make_room(true, change);  // the connection limit bounds what comes on top
  }
  Entry& entry = known == peers_.end() ? insert(std::move(remote), change) : known->second;
  ++entry.references;
  account(entry);
  choose_short_id_again(change);
  return change;
}

PeersChange Peers::drop_reference(PeerName remote) {
  const auto known = peers_.find(remote);
  WEFT_CHECK(known != peers_.end() && known->second.references > 0,
             "a referenced peer stays in the table");
  Entry& entry = known->second;
  --entry.references;
  account(entry);
  PeersChange change;
  if (entry.excess != 0 && excess_ > pool()) {
    Topology::Peer placeholder;
    placeholder.name = remote;
    supersede(entry, std::move(placeholder), change);
    choose_short_id_again(change);
  }
  return change;
}

void Peers::add_connection(Topology::Connection connection) {
  Topology::Peer& self = self_->second.info;
  const auto at = std::lower_bound(
      self.connections.begin(), self.connections.end(), connection.remote,
      [](const auto& existing, PeerName remote) { return existing.remote < remote; });
  self.connections.insert(at, std::move(connection));
  ++connections_;
  self.version = version_after(self.version);
}

void Peers::set_established(PeerName remote) {
  Topology::Peer& self = self_->second.info;
  const auto at = find_connection(self.connections, remote);
  WEFT_CHECK(at != self.connections.end(), "only an existing connection becomes established");
  at->established = true;
  self.version = version_after(self.version);
}

void Peers::remove_connection(PeerName remote) {
  Topology::Peer& self = self_->second.info;
  const auto at = find_connection(self.connections, remote);
  WEFT_CHECK(at != self.connections.end(), "only an existing connection is removed");
  self.connections.erase(at);
  --connections_;
  self.version = version_after(self.version);
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
    remove(at++, change);
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
  self.version = version_after(self.version);
  change.self_changed = true;
}

void Peers::note_reached(const std::function<bool(PeerName)>& is_reached) {
  for (auto& [name, entry] : peers_) {
    entry.is_reached = is_reached(name);
    account(entry);
  }
}

Graph::Builder Peers::builder() const {
  Graph::Builder builder;
  builder.reserve(peers_.size(), connections_);
  for (const auto& [name, entry] : peers_) {
    builder.add_peer(name);
    for (const auto& connection : entry.info.connections) {
      builder.add_edge({connection.remote, connection.established});
    }
  }
  return builder;
}

Peers::Graphs Peers::graphs() const {
  Graph::Builder mesh = builder();
  return {mesh.build(EdgeRule::any), mesh.build(EdgeRule::established_symmetric)};
}

Graph Peers::graph(EdgeRule rule) const {
  return builder().build(rule);
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
