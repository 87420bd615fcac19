/// Reads and writes the overlay's header on a lane.

#include "lane_port.hpp"

#include "datagram.hpp"
#include "peer.hpp"

namespace weft::udp_overlay {

void LanePort::on_datagram(Lane& lane, std::span<std::byte> octets) noexcept {
  const auto datagram = parse(octets);
  if (!datagram) {
    drop(lane, overlay::Drop::malformed);
    return;
  }
  const Header& header = datagram->header;
  Peer* const peer = peers_.find(header.connection);
  if (peer == nullptr) {
    drop(lane, overlay::Drop::unknown_connection);
    return;
  }
  peer->pulse.heard(lane.now());
  if (header.kind == Kind::heartbeat) {
    peer->pulse.heard(heartbeat_of(*datagram));
  } else {
    deliver(lane, header.source, header.destination, octets, header_bytes);
  }
}

void LanePort::forward(Lane& lane, const Peer& peer, const overlay::UdpPath& path,
                       const OverlayBatch& batch) noexcept {
  send(lane, path, batch, header_bytes, [&](std::byte* to, const Frame& frame) {
    write_header(to, {Kind::frame, peer.connection, batch.source, batch.destination,
                      static_cast<std::uint16_t>(frame.length)});
  });
}

}  // namespace weft::udp_overlay
