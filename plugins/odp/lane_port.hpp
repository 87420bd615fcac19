#pragma once
/// The datapath on one lane: misses come up, frames for tunnels go down.

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include <linux/netlink.h>

#include <weft/lane.hpp>
#include <weft/lane_queue.hpp>
#include <weft/service/dataplane.hpp>

#include <weft/overlay/frame_fitter.hpp>
#include <weft/overlay/receive_buffers.hpp>

#include "common/fastdp/heartbeat.hpp"
#include "common/fastdp/peer_ids.hpp"
#include "counters.hpp"
#include "flow.hpp"
#include "netlink_port.hpp"
#include "packet_sender.hpp"
#include "upcall.hpp"

namespace weft::odp {

/// What lanes know. Immutable once published.
struct LaneView {
  fastdp::PeerIds ids;
  int datapath = 0;       ///< see Kernel::index
  PortNumber bridge = 0;  ///< the bridge's port; 0 while there is none
  /// Ports of our neighbours' tunnels, with their outer addresses, sorted. Where anything is
  /// encrypted, other tunnel packets are not believed: nothing guards them.
  std::vector<std::pair<PortNumber, std::uint32_t>> neighbours{};
  bool is_encrypting = false;

  [[nodiscard]] bool believes(PortNumber in_port, const Tunnel& tunnel) const noexcept {
    return !is_encrypting ||
           std::ranges::binary_search(neighbours, std::pair(in_port, tunnel.source));
  }
};

/// What a lane tells the loop of a frame that had no flow.
struct LaneEvent {
  FlowKey key;
  std::optional<fastdp::Heartbeat> heartbeat{};  ///< absent: any other frame
};

/// Created and destroyed by the loop; everything virtual, and `forward`, run on the lane.
class LanePort final : public LaneTask {
 public:
  struct Context {
    Dataplane& dataplane;
    const LaneLocal<LaneView>& view;
    const Counters& counters;
    Doorbell& bell;
    std::uint16_t packet_family = 0;
  };

  LanePort(const Context& context, NetlinkPort port);

  unsigned poll(Lane& lane, unsigned budget) noexcept override;
  void flush(Lane& lane) noexcept override;

  /// Hands frames from peer `source` for peer `destination` to the kernel at the poll cycle's end.
  /// `out`: the next hop, whatever its id says. Returns how many it took.
  [[nodiscard]] std::size_t forward(Lane& lane, PeerName source, PeerName destination,
                                    const TunnelOutput& out, std::span<const Frame> batch) noexcept;

  [[nodiscard]] const NetlinkPort& port() const noexcept { return port_; }
  [[nodiscard]] LaneQueue<LaneEvent>& events() noexcept { return events_; }

 private:
  /// Consecutive frames that entered alike, so that the dataplane sees batches.
  struct Run {
    bool is_local = true;
    std::uint32_t tunnel_id = 0;
    std::array<Frame, max_batch> frames;
    std::size_t count = 0;
  };

  void take(Lane& lane, nlmsghdr& message, Run& run) noexcept;
  void finish(Lane& lane, Run& run) noexcept;
  void tell(Lane& lane, const LaneEvent& event) noexcept;
  void stage(Lane& lane, const Frame& frame, const TunnelOutput& output) noexcept;

  const Context context_;
  NetlinkPort port_;
  PacketSender sender_;
  LaneQueue<LaneEvent> events_;
  overlay::FrameFitter fitter_;
  overlay::ReceiveBuffers incoming_;
};

}  // namespace weft::odp
