#pragma once
/// The overlay on one lane: what datagrams mean, and how frames become datagrams.

#include <cstdint>
#include <span>

#include <weft/overlay/peer_table.hpp>
#include <weft/overlay/udp_lane.hpp>

namespace weft::udp_overlay {

class Peer;
/// Confirmed connections, by their number.
using PeerTable = overlay::PeerTable<std::uint64_t, Peer>;

class LanePort final : public overlay::UdpLane {
 public:
  LanePort(const Context& context, const PeerTable& peers, UniqueFd socket)
      : UdpLane(context, std::move(socket)), peers_(peers) {}

  /// `path`: the peer's, open.
  void forward(Lane& lane, const Peer& peer, const overlay::UdpPath& path,
               const OverlayBatch& batch) noexcept;

 private:
  void on_datagram(Lane& lane, std::span<std::byte> octets) noexcept override;

  const PeerTable& peers_;
};

}  // namespace weft::udp_overlay
