#pragma once
/// Answers what the dataplane would do with a flow, and says when the answers may have changed.

#include <memory>
#include <mutex>
#include <vector>

#include <weft/export.hpp>
#include <weft/lane_queue.hpp>
#include <weft/service/flows.hpp>

#include "fabric/forwarding.hpp"
#include "fabric/mac_table.hpp"

namespace weft::dataplane {

/// Provides weft.flows/1 from the state that lanes use. Any control thread. Owned by the dataplane,
/// whose loop is `loop`.
class WEFT_EXPORT FlowPlannerImpl final : public FlowPlanner {
 public:
  FlowPlannerImpl(PeerName self, MacTable& macs, Loop& loop);

  [[nodiscard]] FlowDecision captured(net::Mac source, net::Mac destination) const override;
  [[nodiscard]] FlowDecision received(PeerName origin, PeerName destination, net::Mac source,
                                      net::Mac target) const override;
  void heard(std::vector<MacSighting> sightings) override;
  [[nodiscard]] FlowWatch watch(Loop& loop, Task on_change) override;

  /// From now on decides by `snapshot`.
  void use(std::shared_ptr<const Snapshot> snapshot);
  /// MAC knowledge changed.
  void changed();

 private:
  struct Watcher;
  class Registration;

  [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const;
  /// What is known of where a flow's ends live, at one moment.
  struct Whereabouts {
    std::optional<PeerName> source;
    std::optional<PeerName> target;
  };
  [[nodiscard]] Whereabouts look_up(net::Mac source, net::Mac target) const;

  const PeerName self_;
  MacTable& macs_;
  Loop& loop_;
  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<const Snapshot> snapshot_ = std::make_shared<const Snapshot>();
  std::vector<std::shared_ptr<Watcher>> watchers_;
};

}  // namespace weft::dataplane
