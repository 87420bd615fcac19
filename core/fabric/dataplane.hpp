#pragma once
/// Carries out flow plans on the lanes: between the bridge port and the neighbours' forwarders.

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <weft/bus.hpp>
#include <weft/events/topology.hpp>
#include <weft/export.hpp>
#include <weft/lane.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/service/dataplane.hpp>

#include "fabric/flow_plan.hpp"
#include "fabric/flow_planner.hpp"
#include "fabric/forwarder_directory.hpp"
#include "fabric/forwarding.hpp"
#include "fabric/forwarding_table.hpp"
#include "fabric/mac_table.hpp"

namespace weft {

/// Provides weft.dataplane/1. Owned by the host; constructed and destroyed on `loop`'s thread (or
/// while that loop does not run yet or any more), after every lane task that uses it is gone.
///
/// Threads: from_* on lanes; the rest on any control thread, serialised by a mutex that lanes never
/// touch. What lanes read is published whole: a change of routes or forwarders replaces the table
/// and leaves MAC knowledge alone, except that of peers that left the mesh.
class WEFT_EXPORT DataplaneImpl final : public Dataplane, public dataplane::ForwarderDirectory {
 public:
  DataplaneImpl(PeerName self, Lanes& lanes, Loop& loop, Bus& bus, Metrics& metrics, Log& log);
  ~DataplaneImpl() override;

  void from_bridge(Lane& lane, std::span<const Frame> batch) noexcept override;
  void from_overlay(Lane& lane, const OverlayBatch& batch) noexcept override;
  void set_bridge_port(std::shared_ptr<BridgePort> port) override;

  [[nodiscard]] dataplane::ForwarderSlot open(PeerName neighbour) override;

  /// Flow decisions by the same knowledge.
  [[nodiscard]] FlowPlanner& planner() noexcept { return planner_; }
  /// From now on MACs that lanes saw move are told to those who watch flows, and a MAC table that
  /// has to make room gets it soon. On `loop`'s thread.
  [[nodiscard]] Result<> listen_to_lanes();

  /// For reports: every MAC known, sorted. On `loop`'s thread.
  [[nodiscard]] std::vector<dataplane::MacEntry> macs() const;
  /// What a peer calls itself for people; empty for one that the mesh does not know. On `loop`'s
  /// thread.
  [[nodiscard]] std::string nickname_of(PeerName peer) const;

 private:
  void publish(std::uint64_t slot, std::vector<std::shared_ptr<Forwarder>> forwarders) override;
  void close(std::uint64_t slot) noexcept override;

  void on_routes(const std::shared_ptr<const Routes>& routes);
  void on_topology(std::shared_ptr<const Topology> topology);
  void rebuild();
  void expire_macs();
  void report_crowd();
  /// Slots of MACs that are gone can be used soon.
  void release_soon();
  void release();

  struct Slot {
    PeerName neighbour{};
    std::vector<std::shared_ptr<Forwarder>> forwarders;
  };

  const PeerName self_;
  Lanes& lanes_;
  Loop& loop_;
  Log& log_;
  dataplane::MacTable mac_table_;
  dataplane::FlowPlannerImpl planner_;
  Doorbell moves_;  // rung by lanes, as the next
  Doorbell room_;
  const dataplane::Counters counters_;
  LaneLocal<dataplane::Snapshot> snapshot_;

  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<const Routes> routes_ = std::make_shared<const Routes>();
  std::map<std::uint64_t, Slot> slots_;  // by age: of two connections the younger counts
  std::uint64_t next_slot_ = 1;
  std::shared_ptr<BridgePort> bridge_;

  // Used on loop_ only.
  std::shared_ptr<const Topology> topology_ = std::make_shared<const Topology>();  // the last one
  std::uint64_t reported_replaced_ = 0;
  unsigned releases_due_ = 0;
  std::optional<BellListener> moves_listener_;
  std::optional<BellListener> room_listener_;
  Timer expiry_;
  Timer release_;
  Subscription routes_subscription_;
  Subscription topology_subscription_;
};

}  // namespace weft
