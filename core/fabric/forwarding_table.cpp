/// Joins routes with forwarders into the table that lanes read.

#include "fabric/forwarding_table.hpp"

#include <algorithm>

namespace weft::dataplane {
namespace {

/// Walks two ranges sorted by the same key, counting what differs.
template <class Entry, class Key, class Same>
void count_changes(const std::vector<Entry>& before, const std::vector<Entry>& after, Key key,
                   Same same, RouteChanges& changes) {
  auto old_entry = before.begin();
  auto new_entry = after.begin();
  while (old_entry != before.end() || new_entry != after.end()) {
    if (new_entry == after.end() ||
        (old_entry != before.end() && key(*old_entry) < key(*new_entry))) {
      ++changes.removed;
      ++old_entry;
    } else if (old_entry == before.end() || key(*new_entry) < key(*old_entry)) {
      ++changes.added;
      ++new_entry;
    } else {
      changes.changed += same(*old_entry, *new_entry) ? 0 : 1;
      ++old_entry;
      ++new_entry;
    }
  }
}

}  // namespace

ForwardingTable::ForwardingTable(const Routes& routes, std::vector<Neighbour> neighbours)
    : neighbours_(std::move(neighbours)) {
  for (const Routes::Unicast& route : routes.unicast) {
    if (const Neighbour* const via = neighbour(route.via)) {
      unicast_.push_back({route.destination, via});
    }
  }
  for (const Routes::Broadcast& route : routes.broadcast) {
    const auto first = static_cast<std::uint32_t>(hops_.size());
    for (const PeerName hop : route.hops) {
      if (const Neighbour* const via = neighbour(hop)) {
        hops_.push_back(via);
      }
    }
    broadcast_.push_back({route.origin, first, static_cast<std::uint32_t>(hops_.size()) - first});
  }
}

const Neighbour* ForwardingTable::neighbour(PeerName name) const noexcept {
  const auto found = std::ranges::lower_bound(neighbours_, name, {}, &Neighbour::name);
  return found != neighbours_.end() && found->name == name && !found->forwarders.empty() ? &*found
                                                                                         : nullptr;
}

const Neighbour* ForwardingTable::next_hop(PeerName destination) const noexcept {
  const auto found =
      std::ranges::lower_bound(unicast_, destination, {}, &UnicastEntry::destination);
  return found != unicast_.end() && found->destination == destination ? found->via : nullptr;
}

std::span<const Neighbour* const> ForwardingTable::broadcast_hops(PeerName origin) const noexcept {
  const auto found = std::ranges::lower_bound(broadcast_, origin, {}, &BroadcastEntry::origin);
  if (found == broadcast_.end() || found->origin != origin) {
    return {};
  }
  return std::span{hops_}.subspan(found->first, found->count);
}

RouteChanges compare(const Routes& before, const Routes& after) {
  RouteChanges changes;
  count_changes(
      before.unicast, after.unicast, [](const Routes::Unicast& route) { return route.destination; },
      [](const auto& a, const auto& b) { return a.via == b.via; }, changes);
  count_changes(
      before.broadcast, after.broadcast,
      [](const Routes::Broadcast& route) { return route.origin; },
      [](const auto& a, const auto& b) { return a.hops == b.hops; }, changes);
  return changes;
}

}  // namespace weft::dataplane
