#pragma once
/// One connection: the kit's session, with this overlay's wire format.

#include <memory>
#include <span>

#include <weft/overlay/udp_session.hpp>

#include "lane_port.hpp"

namespace weft::udp_overlay {

class Peer final : public overlay::UdpSession {
 public:
  /// `peers` outlives it while the overlay runs.
  Peer(const Context& context, const OverlayLink& link, std::shared_ptr<OverlayListener> listener,
       PeerTable& peers, std::shared_ptr<PerLane<LanePort>> ports);

  /// Lanes find it by its connection from now on.
  void confirm() override;
  void end() noexcept override;

  /// Takes nothing while the path is not open, so that another overlay can be tried.
  [[nodiscard]] std::size_t forward(Lane& lane, PeerName source, PeerName destination,
                                    std::span<const Frame> batch) noexcept override;

 private:
  [[nodiscard]] Bytes heartbeat(const overlay::Stamps& stamps) const override;

  PeerTable& peers_;
  std::shared_ptr<PerLane<LanePort>> ports_;
};

}  // namespace weft::udp_overlay
