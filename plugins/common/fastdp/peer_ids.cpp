/// Short ids from the topology.

#include "peer_ids.hpp"

#include <algorithm>
#include <utility>

namespace weft::fastdp {

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

void FormerIds::update(const PeerIds& now) {
  for (std::uint16_t id = 0; id < short_ids; ++id) {
    PeerName& last = last_[id];
    if (const PeerName owner = now.peer(id); owner != PeerName{}) {
      last = owner;
      former_.erase(id);
    } else if (last != PeerName{} && now.id(last)) {
      former_[id] = {std::exchange(last, PeerName{})};
    }
  }
}

std::vector<std::uint16_t> FormerIds::take_useless(
    TimePoint now, const std::function<bool(PeerName)>& is_reached) {
  std::vector<std::uint16_t> useless;
  for (auto& [id, former] : former_) {
    if (!is_reached(former.peer)) {
      former.reached_since.reset();
    } else if (!former.reached_since) {
      former.reached_since = now;
    } else if (now - *former.reached_since >= wait) {
      useless.push_back(id);
    }
  }
  for (const std::uint16_t id : useless) {
    former_.erase(id);
  }
  return useless;
}

std::optional<TimePoint> FormerIds::next() const {
  std::optional<TimePoint> next;
  for (const auto& [id, former] : former_) {
    if (former.reached_since) {
      const TimePoint due = *former.reached_since + wait;
      next = std::min(due, next.value_or(due));
    }
  }
  return next;
}

}  // namespace weft::fastdp
