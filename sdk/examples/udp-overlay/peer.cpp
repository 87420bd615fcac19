/// Hands frames for one remote to the socket of the lane that brings them.

#include "peer.hpp"

#include <algorithm>

#include "lane_port.hpp"

namespace weft::udp_overlay {

Peer::Peer(Lanes& lanes, std::shared_ptr<PerLane<LanePort>> ports, const OverlayLink& link)
    : name(link.remote), connection(link.connection_uid), path(lanes), ports_(std::move(ports)) {}

std::size_t Peer::forward(Lane& lane, PeerName source, PeerName destination,
                          std::span<const Frame> batch) noexcept {
  if (!path.read().is_open) {
    return 0;
  }
  ports_->on(lane).forward(lane, *this, {source, destination, batch});
  return batch.size();
}

Peer* PeerTable::find(std::uint64_t connection) const noexcept {
  const auto at = std::lower_bound(peers_.begin(), peers_.end(), connection,
                                   [](const std::shared_ptr<Peer>& peer, std::uint64_t wanted) {
                                     return peer->connection < wanted;
                                   });
  return at != peers_.end() && (*at)->connection == connection ? at->get() : nullptr;
}

}  // namespace weft::udp_overlay
