#pragma once
/// The overlay on one lane: two sockets on the router port, what they bring, what they take.

#include <weft/lane.hpp>
#include <weft/service/dataplane.hpp>

#include <weft/overlay/frame_fitter.hpp>

#include "counters.hpp"
#include "lane_event.hpp"
#include "lane_receiver.hpp"
#include "lane_sender.hpp"
#include "peer.hpp"
#include "udp_socket.hpp"

namespace weft::sleeve {

/// Created and destroyed by the loop; everything virtual and `forward` run on the lane.
class LanePort final : public LaneTask {
 public:
  struct Context {
    PeerName self;
    Dataplane& dataplane;
    const PeerTable& peers;
    Counters& counters;
    Doorbell& doorbell;
  };

  LanePort(const Context& context, Sockets sockets);

  [[nodiscard]] unsigned poll(Lane& lane, unsigned budget) noexcept override;
  void flush(Lane& lane) noexcept override { sender_.flush(lane); }

  /// Decides for each frame how it travels, and keeps it for the flush.
  void forward(Lane& lane, Peer& peer, const PathView& view, const OverlayBatch& batch) noexcept;

  [[nodiscard]] const UniqueFd& socket(DfClass df_class) const noexcept {
    return sockets_[static_cast<std::size_t>(df_class)];
  }
  [[nodiscard]] LaneEvents& events() noexcept { return events_; }

 private:
  void stage(Lane& lane, Peer& peer, DfClass df_class, const Frame& frame,
             const OverlayBatch& batch) noexcept;

  Context context_;
  Sockets sockets_;
  LaneEvents events_;
  LaneReceiver receiver_;
  LaneSender sender_;
  overlay::FrameFitter fitter_;
  bool is_second_first_ = false;
};

}  // namespace weft::sleeve
