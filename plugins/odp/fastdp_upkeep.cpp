/// What the fastdp overlay looks after while nobody asks: its flows, its tunnels, what expired.

#include <algorithm>
#include <set>
#include <utility>

#include <weft/overlay/route_mtu.hpp>

#include "fastdp.hpp"

namespace weft::odp {

void Fastdp::replan() {
  flows_->replan(node_.loop.now());
  forget_former_ids();
  count_flows();
}

/// A flow towards a MAC that is not known any more is left alone, in case its peer's kernel goes
/// on. Once the peer is back under another id, its frames are better flooded.
void Fastdp::forget_former_ids() {
  const TimePoint now = node_.loop.now();
  const auto is_reached = [this](PeerName peer) {
    const FlowDecision relay = node_.planner.received(PeerName{}, peer, {}, {});
    return relay.certainty == FlowDecision::Certainty::settled;  // there is a route
  };
  for (const std::uint16_t id : former_ids_.take_useless(now, is_reached)) {
    flows_->forget_id(id);
  }
  if (const auto next = former_ids_.next()) {
    former_timer_ = node_.loop.after(*next - now, [this] { replan(); });
  }
}

/// Peers that disagree about the topology agree when its news arrives: nobody has to act.
void Fastdp::count_flows() {
  const std::uint64_t hairpins = flows_->counts().hairpins;
  counters_.hairpin_conflicts.add(hairpins - std::exchange(hairpins_counted_, hairpins));
  const std::uint64_t displaced = flows_->counts().displaced;
  counters_.displaced.add(displaced - std::exchange(displaced_counted_, displaced));
}

/// Traffic that the kernel forwards teaches nobody where MACs are: its counters do.
void Fastdp::sweep() {
  std::erase_if(retired_,
                [now = node_.loop.now()](const Retired& each) { return each.until <= now; });
  std::erase_if(lingering_,
                [now = node_.loop.now()](const auto& each) { return each.second.until <= now; });
  if (const auto hairpins = hairpins_counted_ - std::exchange(hairpins_told_, hairpins_counted_);
      hairpins != 0) {
    node_.log.info("flows would have gone back to where they came from", "flows", hairpins);
  }
  if (const auto displaced =
          displaced_counted_ - std::exchange(displaced_told_, displaced_counted_);
      displaced != 0) {
    node_.log.warn("flow table crowded", "flows", flows_->size(), "displaced", displaced);
  }
  const auto used = flows_->sweep(node_.loop.now());
  if (!used) {
    node_.log.warn("flows not read", "error", used.error());
    return;
  }
  std::vector<MacSighting> sightings;
  for (const FlowKey& key : *used) {
    if (const auto seen = compiler_.sighting(key)) {
      sightings.push_back(*seen);
    }
  }
  if (!sightings.empty()) {
    node_.planner.heard(std::move(sightings));
  }
  replan();
  remove_unused_ports();
}

bool Fastdp::forget_reports(const net::IpAddress& local, const net::IpAddress& remote) {
  const auto route = overlay::query_route_mtu(remote, local);
  if (!route || route->reported == route->limit) {
    return false;
  }
  if (const auto forgotten = overlay::forget_reported_mtus(); !forgotten) {
    if (!std::exchange(is_report_kept_logged_, true)) {
      node_.log.warn("what ICMP says limits the fast datapath for ten minutes", "remote", remote,
                     "MTU", route->reported, "error", forgotten.error());
    }
    return false;
  }
  counters_.forgotten_reports.add();
  return true;
}

void Fastdp::remove_unused_ports() {
  std::set<PortNumber> used;
  for (const auto& [forwarder, session] : sessions_.all()) {
    if (session->output()) {
      used.insert(session->output()->port);
    }
  }
  for (const auto& [peer, lingering] : lingering_) {
    used.insert(lingering.output.port);
  }
  const auto removed = tunnels_->remove_unused(
      [&](PortNumber port) { return used.contains(port) || flows_->uses(port); });
  if (!removed) {
    node_.log.warn("unused tunnel port not removed", "error", removed.error());
  }
}

}  // namespace weft::odp
