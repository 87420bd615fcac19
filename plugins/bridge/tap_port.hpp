#pragma once
/// Moves frames between the tap's queues and the dataplane, one queue per lane.

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include <weft/lane.hpp>
#include <weft/metrics.hpp>
#include <weft/service/dataplane.hpp>

#include <weft/overlay/report_queue.hpp>

#include "coalescer.hpp"
#include "tap.hpp"

namespace weft::bridge {

/// The port's counters; references to the host's.
struct PortCounters {
  explicit PortCounters(Metrics& metrics);

  Counter& read_frames;
  Counter& read_bytes;
  Counter& read_errors;
  Counter& bad_headers;
  Counter& written_frames;
  Counter& written_bytes;
  Counter& writes;
  Counter& written_oversized;
  Counter& too_big;
  Counter& write_refused;
  Counter& write_errors;
};

/// The tap as the dataplane's port. Shared with the dataplane, whose lanes may use it until they
/// pass a quiescent point after it was replaced. Frames are written when their lane flushes.
class TapPort final : public BridgePort {
 public:
  /// `mtu` is the pods', in bytes.
  TapPort(Tap tap, std::uint32_t mtu, Metrics& metrics);

  /// Packets of peers whose pods have a larger MTU are cut into fragments, or answered with ICMP
  /// where they must not be.
  [[nodiscard]] std::size_t inject(Lane& lane, std::span<const Frame> batch) noexcept override;
  /// On a lane: hands over the answers of the poll cycle before; returns how many.
  unsigned deliver_reports(Lane& lane, Dataplane& dataplane) noexcept;
  /// On a lane: writes what was injected this poll cycle.
  void flush(Lane& lane) noexcept;

  /// Any thread.
  void set_mtu(std::uint32_t mtu) noexcept { mtu_.store(mtu, std::memory_order_relaxed); }
  [[nodiscard]] const Tap& tap() const noexcept { return tap_; }
  [[nodiscard]] const PortCounters& counters() const noexcept { return counters_; }

 private:
  /// Ethernet header and one VLAN tag. Source: Linux net/core/dev.c, is_skb_forwardable.
  static constexpr std::uint32_t link_overhead = 14 + 4;

  void write(Lane& lane, const Frame& frame) noexcept;
  /// True when a frame above the pods' MTU was dealt with, and is not to be written.
  [[nodiscard]] bool replace(Lane& lane, const Frame& frame, std::uint32_t mtu) noexcept;

  Tap tap_;
  std::atomic<std::uint32_t> mtu_;
  PortCounters counters_;
  std::vector<Coalescer> waiting_;             // by lane
  std::vector<overlay::ReportQueue> reports_;  // by lane
};

/// Reads one queue on one lane, into an arena that is reused each poll cycle, and flushes the port.
class QueueReader final : public LaneTask {
 public:
  QueueReader(int fd, TapPort& port, Dataplane& dataplane);

  unsigned poll(Lane& lane, unsigned budget) noexcept override;
  void flush(Lane& lane) noexcept override;

 private:
  /// A frame read at `at` in the arena; false when the queue is empty.
  [[nodiscard]] bool read_one(Lane& lane, std::size_t at, Frame& frame, std::size_t& used) noexcept;

  const int fd_;
  TapPort& port_;
  Dataplane& dataplane_;
  std::vector<std::byte> arena_;
};

/// Reads and flushes every queue while it exists: longer than the dataplane has the port. Control
/// code.
class PortReaders {
 public:
  PortReaders(TapPort& port, Lanes& lanes, Dataplane& dataplane);

 private:
  std::vector<std::unique_ptr<QueueReader>> readers_;
  std::vector<LaneRegistration> registrations_;  // last: no reader is polled after they are gone
};

}  // namespace weft::bridge
