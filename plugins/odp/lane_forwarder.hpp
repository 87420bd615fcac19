#pragma once
/// One connection's remote, as lanes see it.

#include <memory>
#include <optional>

#include <weft/lane.hpp>
#include <weft/service/overlay.hpp>

#include "common/fastdp/tunnel.hpp"
#include "lane_port.hpp"

namespace weft::odp {

/// Where the remote is; unset before contact. Immutable; replaced by the loop.
struct TunnelView {
  std::optional<TunnelOutput> output;
};

/// Lives until the overlay's connection is gone and every lane has passed a quiescent point.
class LaneForwarder final : public fastdp::TunnelForwarder {
 public:
  LaneForwarder(Lanes& lanes, std::shared_ptr<PerLane<LanePort>> ports)
      : view_(lanes), ports_(std::move(ports)) {}

  /// Takes nothing while there is no contact, so that another overlay can be tried.
  [[nodiscard]] std::size_t forward(Lane& lane, PeerName source, PeerName destination,
                                    std::span<const Frame> batch) noexcept override {
    const TunnelView& now = view_.read();
    return now.output ? ports_->on(lane).forward(lane, source, destination, *now.output, batch) : 0;
  }

  void lead_to(const std::optional<TunnelOutput>& output) override {
    view_.publish(std::make_shared<const TunnelView>(TunnelView{output}));
  }

 private:
  LaneLocal<TunnelView> view_;
  std::shared_ptr<PerLane<LanePort>> ports_;
};

}  // namespace weft::odp
