#pragma once
/// Reports of packets that were too big, until the lane can deliver them.

#include <array>
#include <cstddef>
#include <memory>

#include <weft/lane.hpp>
#include <weft/service/dataplane.hpp>

#include <weft/overlay/too_big.hpp>

namespace weft::overlay {

/// ICMP errors for the senders of frames, as if the frames' destination had sent them. They wait
/// for the next poll cycle: the dataplane is in the middle of a batch when they are made. Used on
/// one lane; allocates nothing after construction.
class ReportQueue {
 public:
  ReportQueue() : halves_(std::make_unique<std::array<Half, 2>>()) {}

  /// Answers a frame of a batch, which `plan` said to report. False when too many wait already.
  [[nodiscard]] bool add(const Frame& frame, std::uint32_t mtu, PeerName source,
                         PeerName destination) noexcept;
  /// Hands what waits to the dataplane, as coming from the destination peers; returns how many.
  [[nodiscard]] unsigned deliver(Lane& lane, Dataplane& dataplane) noexcept;
  /// The same for frames whose destination is behind the local bridge.
  [[nodiscard]] unsigned deliver_from_bridge(Lane& lane, Dataplane& dataplane) noexcept;

 private:
  struct Report {
    PeerName source{};
    PeerName destination{};
    std::uint32_t length = 0;
    std::array<std::byte, frame_headroom + max_report_bytes> buffer;
  };
  struct Half {
    std::array<Report, 32> list;
    std::size_t count = 0;
  };

  /// Calls `hand_over(report, frame)` for each report that waits.
  template <class HandOver>
  unsigned drain(HandOver hand_over) noexcept;

  std::unique_ptr<std::array<Half, 2>> halves_;  // one is filled while the other is in use
  std::size_t filling_ = 0;
};

}  // namespace weft::overlay
