/// Heartbeats as datagrams, and frames to the socket of the lane that brings them.

#include "peer.hpp"

#include <utility>

#include "datagram.hpp"

namespace weft::udp_overlay {

Peer::Peer(const Context& context, const OverlayLink& link,
           std::shared_ptr<OverlayListener> listener, PeerTable& peers,
           std::shared_ptr<PerLane<LanePort>> ports)
    : UdpSession(context, {"udp-overlay", header_bytes}, link, std::move(listener)),
      peers_(peers),
      ports_(std::move(ports)) {}

void Peer::confirm() {
  peers_.set(connection, std::static_pointer_cast<Peer>(shared_from_this()));
  UdpSession::confirm();
}

void Peer::end() noexcept {
  peers_.remove(connection, *this);
  UdpSession::end();
}

std::size_t Peer::forward(Lane& lane, PeerName source, PeerName destination,
                          std::span<const Frame> batch) noexcept {
  const overlay::UdpPath& now = path.read();
  if (!now.is_open) {
    return 0;
  }
  ports_->on(lane).forward(lane, *this, now, {source, destination, batch});
  return batch.size();
}

Bytes Peer::heartbeat(const overlay::Stamps& stamps) const {
  Bytes octets(header_bytes + heartbeat_bytes);
  write_header(octets.data(), {Kind::heartbeat, connection, self, name, heartbeat_bytes});
  write_heartbeat(octets.data() + header_bytes, stamps);
  return octets;
}

}  // namespace weft::udp_overlay
