/// Short ids from the topology.

#include "peer_ids.hpp"

#include <algorithm>

namespace weft::odp {

PeerIds::PeerIds(const Topology& topology) {
  for (const Topology::Peer& peer : topology.peers) {
    if (peer.short_id && *peer.short_id < short_ids) {
      by_peer_.push_back({peer.name, *peer.short_id});
      PeerName& owner = by_id_[*peer.short_id];
      owner = owner == PeerName{} ? peer.name : std::min(owner, peer.name);
    }
  }
  std::ranges::sort(by_peer_, {}, &Entry::peer);
}

std::optional<std::uint16_t> PeerIds::id(PeerName peer) const noexcept {
  const auto at = std::ranges::lower_bound(by_peer_, peer, {}, &Entry::peer);
  return at != by_peer_.end() && at->peer == peer ? std::optional(at->id) : std::nullopt;
}

}  // namespace weft::odp
