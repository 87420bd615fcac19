#pragma once
/// One connection's remote, as lanes see it.

#include <memory>
#include <optional>

#include <weft/lane.hpp>
#include <weft/service/overlay.hpp>

#include "lane_port.hpp"

namespace weft::odp {

/// Where the remote is; unset before contact. Immutable; replaced by the loop.
struct TunnelView {
  std::optional<TunnelOutput> output;  ///< the id is the flow's
};

/// Lives until the overlay's connection is gone and every lane has passed a quiescent point.
class TunnelForwarder final : public Forwarder {
 public:
  TunnelForwarder(Lanes& lanes, std::shared_ptr<PerLane<LanePort>> ports)
      : view(lanes), ports_(std::move(ports)) {}

  /// Takes nothing while there is no contact, so that another overlay can be tried.
  [[nodiscard]] std::size_t forward(Lane& lane, PeerName source, PeerName destination,
                                    std::span<const Frame> batch) noexcept override {
    const TunnelView& now = view.read();
    return now.output ? ports_->on(lane).forward(lane, source, destination, *now.output, batch) : 0;
  }

  LaneLocal<TunnelView> view;

 private:
  std::shared_ptr<PerLane<LanePort>> ports_;
};

}  // namespace weft::odp
