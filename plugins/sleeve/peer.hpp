#pragma once
/// One connection's remote, as lanes see it.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include <weft/lane.hpp>
#include <weft/metrics.hpp>
#include <weft/service/overlay.hpp>

#include <weft/overlay/liveness.hpp>
#include <weft/overlay/packet.hpp>
#include <weft/overlay/peer_table.hpp>

#include "crypto.hpp"
#include "udp_socket.hpp"

namespace weft::sleeve {

class LanePort;

/// How to reach the peer right now. Immutable; replaced by the loop.
struct PathView {
  std::optional<net::Endpoint> remote;  ///< unset before contact and after failure
  Destination destination;
  overlay::PathLimits limits;
  std::uint32_t max_payload = 0;  ///< bytes of UDP payload that DF datagrams may have
};

/// Frames of one poll cycle that wait for a peer on one lane, as indices into the lane's list.
struct Outbox {
  static constexpr std::uint32_t none = UINT32_MAX;
  struct Queue {
    std::uint32_t first = none;
    std::uint32_t last = none;
  };
  std::array<Queue, df_classes> queues{};
  bool is_listed = false;
};

/// Lives until the overlay's connection is gone and every lane has passed a quiescent point.
class Peer final : public Forwarder {
 public:
  Peer(Lanes& lanes, std::shared_ptr<PerLane<LanePort>> ports, const OverlayLink& link,
       std::uint32_t connection_id);

  /// Gives it what open_udp_sender opened, before the first path is published.
  void use_sockets(Sockets sockets) noexcept { sockets_ = std::move(sockets); }

  /// Takes nothing while there is no contact, so that another overlay can be tried.
  [[nodiscard]] std::size_t forward(Lane& lane, PeerName source, PeerName destination,
                                    std::span<const Frame> batch) noexcept override;

  /// On a lane: whether the kernel may be asked to cut messages for this peer into datagrams.
  [[nodiscard]] bool may_segment(TimePoint now) const noexcept {
    return now.time_since_epoch().count() >= whole_until_.load(std::memory_order_relaxed);
  }
  /// On a lane: it refused.
  void refuse_segments(TimePoint until) noexcept {
    whole_until_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
  }
  [[nodiscard]] bool is_encrypted() const noexcept { return sealer != nullptr; }
  /// Where its frames are sent from. No other peer's are, so that those of a slow one, which wait
  /// in a queue of the node, fill no send buffer but its own.
  [[nodiscard]] int socket(DfClass df_class) const noexcept {
    return sockets_[static_cast<std::size_t>(df_class)].get();
  }

  const PeerName name;
  const std::uint32_t connection;        ///< tells successive connections to one peer apart
  const std::unique_ptr<Sealer> sealer;  ///< null in clear
  const std::unique_ptr<Opener> opener;  ///< null in clear
  /// The TCP connection's remote: Weave Net peers with several addresses may send from it.
  const net::IpAddress tcp_address;
  LaneLocal<PathView> path;
  overlay::Pulse pulse;                    ///< authentic traffic
  std::array<Outbox, max_lanes> outboxes;  ///< each used by its lane alone

  Counter frames_in;
  Counter frames_out;
  Counter bytes_in;
  Counter bytes_out;

 private:
  std::shared_ptr<PerLane<LanePort>> ports_;
  Sockets sockets_;
  std::atomic<Duration::rep> whole_until_{0};
};

/// Confirmed connections: the newest of each remote.
using PeerTable = overlay::PeerTable<PeerName, Peer>;

}  // namespace weft::sleeve
