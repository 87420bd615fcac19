#pragma once
/// One connection's remote, as lanes see it.

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include <weft/lane.hpp>
#include <weft/service/overlay.hpp>

#include "datagram.hpp"
#include "udp_socket.hpp"

namespace weft::udp_overlay {

class LanePort;

/// How to reach the peer right now. Immutable; replaced by the loop.
struct Path {
  bool is_open = false;  ///< frames may be sent
  Destination destination;
  std::uint32_t max_frame_bytes = 0;  ///< larger frames do not fit
};

/// Lives until the overlay's connection is gone and every lane has passed a quiescent point.
class Peer final : public Forwarder {
 public:
  Peer(Lanes& lanes, std::shared_ptr<PerLane<LanePort>> ports, const OverlayLink& link);

  /// Takes nothing while the path is not open, so that another overlay can be tried.
  [[nodiscard]] std::size_t forward(Lane& lane, PeerName source, PeerName destination,
                                    std::span<const Frame> batch) noexcept override;

  /// On a lane: something of this connection arrived.
  void heard(TimePoint now) noexcept {
    last_heard_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  /// On a lane. The loop looks when its next heartbeat is due, so nothing has to wake it.
  void heard(const Heartbeat& heartbeat) noexcept {
    stamp_.store(heartbeat.stamp, std::memory_order_relaxed);
    echo_.store(heartbeat.echo, std::memory_order_relaxed);
  }
  [[nodiscard]] TimePoint last_heard() const noexcept {
    return TimePoint(Duration(last_heard_.load(std::memory_order_relaxed)));
  }
  [[nodiscard]] Heartbeat last_heartbeat() const noexcept {
    return {stamp_.load(std::memory_order_relaxed), echo_.load(std::memory_order_relaxed)};
  }

  const PeerName name;
  const std::uint64_t connection;
  LaneLocal<Path> path;

 private:
  std::shared_ptr<PerLane<LanePort>> ports_;
  std::atomic<Duration::rep> last_heard_{0};
  std::atomic<std::uint64_t> stamp_{0};
  std::atomic<std::uint64_t> echo_{0};
};

/// Confirmed connections, by their number. Immutable.
class PeerTable {
 public:
  PeerTable() = default;
  /// `peers` is sorted by connection, one each.
  explicit PeerTable(std::vector<std::shared_ptr<Peer>> peers) : peers_(std::move(peers)) {}

  /// Null when there is none.
  [[nodiscard]] Peer* find(std::uint64_t connection) const noexcept;

 private:
  std::vector<std::shared_ptr<Peer>> peers_;
};

}  // namespace weft::udp_overlay
