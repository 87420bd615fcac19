/// Flow decisions: the lanes' plans, completed with the forwarders they would use.

#include "fabric/flow_planner.hpp"

#include <algorithm>
#include <atomic>

#include "fabric/flow_plan.hpp"

namespace weft::dataplane {
namespace {

using Certainty = FlowDecision::Certainty;

void add_hop(FlowDecision& decision, const Neighbour& neighbour, PeerName destination) {
  if (!neighbour.forwarders.empty()) {
    decision.hops.push_back({neighbour.forwarders.front(), destination});
  }
}

void add_broadcast(FlowDecision& decision, const ForwardingTable& table) {
  for (const Neighbour* const hop : table.broadcast_hops(decision.origin)) {
    add_hop(decision, *hop, hop->name);
  }
}

void add_unicast(FlowDecision& decision, const ForwardingTable& table, PeerName destination) {
  const Neighbour* const hop = table.next_hop(destination);
  decision.certainty = hop != nullptr ? Certainty::settled : Certainty::unknown;
  if (hop != nullptr) {
    add_hop(decision, *hop, destination);
  }
}

/// Whether frames whose source is `known` to live somewhere may come from `peer`.
bool is_plausible(std::optional<PeerName> known, PeerName peer) {
  return !known || *known == peer;
}

}  // namespace

/// At most one notification is pending; later changes coalesce into the next.
struct FlowPlannerImpl::Watcher {
  Watcher(Loop& its_loop, Task task) : loop(its_loop), on_change(std::move(task)) {}

  void notify(const std::shared_ptr<Watcher>& self) {
    if (!is_pending.exchange(true)) {
      loop.post([self] {
        self->is_pending = false;
        if (!self->is_over) {
          self->on_change();
        }
      });
    }
  }

  Loop& loop;
  Task on_change;
  std::atomic<bool> is_pending{false};
  bool is_over = false;  // of the loop's thread
};

class FlowPlannerImpl::Registration final : public FlowWatch::Node {
 public:
  Registration(FlowPlannerImpl& planner, std::shared_ptr<Watcher> watcher)
      : planner_(planner), watcher_(std::move(watcher)) {}
  ~Registration() override {
    watcher_->is_over = true;
    const std::scoped_lock lock(planner_.mutex_);
    std::erase(planner_.watchers_, watcher_);
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

 private:
  FlowPlannerImpl& planner_;
  std::shared_ptr<Watcher> watcher_;
};

FlowPlannerImpl::FlowPlannerImpl(PeerName self, MacTable& macs, Loop& loop)
    : self_(self), macs_(macs), loop_(loop) {}

FlowPlannerImpl::Whereabouts FlowPlannerImpl::look_up(net::Mac source, net::Mac target) const {
  const MacTable::Visit macs(macs_);
  return {macs.find(source), macs.find(target)};
}

FlowDecision FlowPlannerImpl::captured(net::Mac source, net::Mac destination) const {
  FlowDecision decision{.origin = self_};
  const Whereabouts known = look_up(source, destination);
  if (!is_plausible(known.source, self_)) {
    decision.certainty = Certainty::refuted;
    return decision;
  }
  const FlowPlan plan = plan_captured(self_, destination, known.target);
  const auto current = snapshot();
  if (plan.drop != Drop::none) {
    decision.certainty = Certainty::settled;
  } else if (plan.spread == FlowPlan::Spread::unicast) {
    add_unicast(decision, current->table, plan.destination);
  } else if (destination.is_group()) {
    decision.certainty = Certainty::settled;
    add_broadcast(decision, current->table);
  }
  return decision;
}

FlowDecision FlowPlannerImpl::received(PeerName origin, PeerName destination, net::Mac source,
                                       net::Mac target) const {
  FlowDecision decision{.origin = origin};
  const Whereabouts known = look_up(source, target);
  const FlowPlan plan = plan_received(self_, origin, destination, known.target);
  if (plan.learns_source && !is_plausible(known.source, origin)) {
    decision.certainty = Certainty::refuted;
    return decision;
  }
  const auto current = snapshot();
  decision.is_delivered = plan.is_delivered;
  if (plan.drop != Drop::none) {
    decision.certainty = Certainty::settled;
  } else if (plan.spread == FlowPlan::Spread::unicast) {
    add_unicast(decision, current->table, destination);
  } else if (target.is_group()) {
    decision.certainty = Certainty::settled;
    add_broadcast(decision, current->table);
  } else if (known.target == self_) {
    decision.certainty = Certainty::settled;
  }
  return decision;
}

void FlowPlannerImpl::heard(std::vector<MacSighting> sightings) {
  loop_.post([this, sightings = std::move(sightings)] {
    const TimePoint now = loop_.now();
    for (const MacSighting& sighting : sightings) {
      MacTable::Visit(macs_).keep(sighting.mac, sighting.peer, now);
    }
  });
}

FlowWatch FlowPlannerImpl::watch(Loop& loop, Task on_change) {
  auto watcher = std::make_shared<Watcher>(loop, std::move(on_change));
  const std::scoped_lock lock(mutex_);
  watchers_.push_back(watcher);
  return FlowWatch(std::make_unique<Registration>(*this, std::move(watcher)));
}

std::shared_ptr<const Snapshot> FlowPlannerImpl::snapshot() const {
  const std::scoped_lock lock(mutex_);
  return snapshot_;
}

void FlowPlannerImpl::use(std::shared_ptr<const Snapshot> snapshot) {
  {
    const std::scoped_lock lock(mutex_);
    snapshot_ = std::move(snapshot);
  }
  changed();
}

void FlowPlannerImpl::changed() {
  const std::scoped_lock lock(mutex_);
  for (const auto& watcher : watchers_) {
    watcher->notify(watcher);
  }
}

}  // namespace weft::dataplane
