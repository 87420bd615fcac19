#pragma once
/// One batch of frames on one lane: planned, grouped into runs, handed on.

#include <array>
#include <memory>
#include <span>

#include <weft/lane.hpp>
#include <weft/lane_queue.hpp>
#include <weft/service/dataplane.hpp>

#include "fabric/flow_plan.hpp"
#include "fabric/forwarding_table.hpp"
#include "fabric/mac_table.hpp"

namespace weft::dataplane {

/// What lanes read. Immutable once published.
struct Snapshot {
  Snapshot() = default;
  Snapshot(const Routes& routes, std::vector<Neighbour> neighbours,
           std::shared_ptr<BridgePort> port)
      : table(routes, std::move(neighbours)), bridge(std::move(port)) {}

  ForwardingTable table;
  std::shared_ptr<BridgePort> bridge;
};

/// What the dataplane counts. References to the host's counters.
struct Counters {
  explicit Counters(Metrics& metrics);

  std::array<Counter*, drop_reason_names.size()> drops{};
  Counter& captured;
  Counter& received;
  Counter& delivered;
  Counter& forwarded;
  Counter& copied;
  Counter& segmented;
  Counter& learned;
  Counter& replaced;
  Counter& moved;
  Counter& unlearned;
};

/// Lives on the stack of a lane for one call of from_bridge or from_overlay. Consecutive frames
/// with equal plans form a run, so that forwarders see batches; order within a flow is kept.
class Forwarding {
 public:
  struct Node {
    PeerName self;
    MacTable& macs;
    const Snapshot& snapshot;
    const Counters& counters;
    Doorbell& moves;  ///< rung when a MAC moved
    Doorbell& room;   ///< rung when the MAC table has to make room
  };

  Forwarding(const Node& node, Lane& lane) noexcept : node_(node), lane_(lane) {}

  void capture(std::span<const Frame> frames) noexcept;
  void receive(const OverlayBatch& batch) noexcept;

 private:
  void capture_one(Frame frame) noexcept;
  void segment(const FlowPlan& plan, const Frame& frame) noexcept;
  void deliver(std::span<const Frame> frames) noexcept;

  [[nodiscard]] bool has_target(const FlowPlan& plan) noexcept;
  void append(const FlowPlan& plan, const Frame& frame) noexcept;
  void finish_run() noexcept;
  void broadcast(std::span<const Frame> frames) noexcept;
  void hand_over(const Neighbour& neighbour, PeerName destination,
                 std::span<const Frame> frames) noexcept;

  void learn(const Frame& frame, PeerName peer) noexcept;
  void drop(Drop reason, std::uint64_t frames = 1) noexcept;
  void count(Counter& counter, std::uint64_t n = 1) noexcept {
    counter.add_on_lane(lane_.index(), n);
  }

  const Node& node_;
  Lane& lane_;
  FlowPlan plan_;  // of the run
  std::array<Frame, max_batch> run_;
  std::size_t run_size_ = 0;
};

}  // namespace weft::dataplane
