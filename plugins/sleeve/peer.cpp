/// Hands frames for one remote to the socket of the lane that brings them.
#include "peer.hpp"

#include "lane_port.hpp"

namespace weft::sleeve {

Peer::Peer(Lanes& lanes, std::shared_ptr<PerLane<LanePort>> ports, const OverlayLink& link,
           std::uint32_t connection_id)
    : name(link.remote),
      connection(connection_id),
      sealer(link.session_key
                 ? std::make_unique<Sealer>(lanes, *link.session_key, link.local, link.outbound)
                 : nullptr),
      opener(link.session_key ? std::make_unique<Opener>(lanes, *link.session_key, link.outbound)
                              : nullptr),
      tcp_address(link.remote_address.address),
      path(lanes),
      ports_(std::move(ports)) {}

std::size_t Peer::forward(Lane& lane, PeerName source, PeerName destination,
                          std::span<const Frame> batch) noexcept {
  const PathView& view = path.read();
  if (!view.remote) {
    return 0;
  }
  ports_->on(lane).forward(lane, *this, view, OverlayBatch{source, destination, batch});
  return batch.size();
}

}  // namespace weft::sleeve
