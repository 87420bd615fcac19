/// The node's dataplane: what lanes see is published here, packets pass through Turn.

#include "dataplane/dataplane.hpp"

#include <algorithm>

namespace weft {
namespace {

constexpr std::chrono::minutes expiry_period{1};

}  // namespace

DataplaneImpl::DataplaneImpl(PeerName self, Lanes& lanes, Loop& loop, Bus& bus, Metrics& metrics,
                             Log& log)
    : self_(self),
      lanes_(lanes),
      loop_(loop),
      log_(log),
      mac_table_(loop.random(), loop.now()),
      planner_(self, mac_table_, loop),
      counters_(metrics),
      snapshot_(lanes),
      expiry_(loop.every(expiry_period, [this] { expire_macs(); })),
      routes_subscription_(bus.subscribe<events::RoutesChanged>(
          [this](const events::RoutesChanged& event) { on_routes(event.routes); })),
      topology_subscription_(bus.subscribe<events::TopologyChanged>(
          [this](const events::TopologyChanged& event) { on_topology(*event.topology); })) {}

DataplaneImpl::~DataplaneImpl() = default;

void DataplaneImpl::from_bridge(Lane& lane, std::span<const Frame> batch) noexcept {
  const dataplane::Turn::Node node{self_, mac_table_, snapshot_.read(), counters_, moves_};
  dataplane::Turn{node, lane}.capture(batch);
}

void DataplaneImpl::from_overlay(Lane& lane, const OverlayBatch& batch) noexcept {
  const dataplane::Turn::Node node{self_, mac_table_, snapshot_.read(), counters_, moves_};
  dataplane::Turn{node, lane}.receive(batch);
}

void DataplaneImpl::set_bridge_port(std::shared_ptr<BridgePort> port) {
  {
    const std::scoped_lock lock(mutex_);
    bridge_ = std::move(port);
    rebuild();
  }
  lanes_.synchronize();
}

dataplane::ForwarderSlot DataplaneImpl::open(PeerName neighbour) {
  const std::scoped_lock lock(mutex_);
  const std::uint64_t id = next_slot_++;
  slots_[id].neighbour = neighbour;
  return {*this, id};
}

void DataplaneImpl::publish(std::uint64_t slot,
                            std::vector<std::shared_ptr<Forwarder>> forwarders) {
  const std::scoped_lock lock(mutex_);
  Slot& place = slots_.at(slot);
  if (place.forwarders != forwarders) {
    place.forwarders = std::move(forwarders);
    rebuild();
  }
}

void DataplaneImpl::close(std::uint64_t slot) noexcept {
  const std::scoped_lock lock(mutex_);
  const auto place = slots_.extract(slot);
  if (!place.mapped().forwarders.empty()) {
    rebuild();
  }
}

/// With mutex_ held.
void DataplaneImpl::rebuild() {
  std::map<PeerName, dataplane::Neighbour> by_name;
  for (const auto& [id, slot] : slots_) {  // the younger replaces the older
    if (!slot.forwarders.empty()) {
      by_name[slot.neighbour] = {slot.neighbour, slot.forwarders};
    }
  }
  std::vector<dataplane::Neighbour> neighbours;
  neighbours.reserve(by_name.size());
  for (auto& [name, neighbour] : by_name) {
    neighbours.push_back(std::move(neighbour));
  }
  const auto snapshot =
      std::make_shared<const dataplane::Snapshot>(*routes_, std::move(neighbours), bridge_);
  snapshot_.publish(snapshot);
  planner_.use(snapshot);
}

void DataplaneImpl::on_routes(const std::shared_ptr<const Routes>& routes) {
  const std::scoped_lock lock(mutex_);
  const auto changes = dataplane::compare(*routes_, *routes);
  if (changes == dataplane::RouteChanges{}) {
    return;
  }
  log_.debug("routes changed", "added", changes.added, "removed", changes.removed, "changed",
             changes.changed);
  routes_ = routes;
  rebuild();
}

void DataplaneImpl::on_topology(const Topology& topology) {
  std::vector<PeerName> present;
  present.reserve(topology.peers.size());
  for (const Topology::Peer& peer : topology.peers) {
    present.push_back(peer.name);
  }
  std::vector<PeerName> gone;
  std::ranges::set_difference(peers_, present, std::back_inserter(gone));
  for (const PeerName peer : gone) {
    lanes_.synchronize();
    const std::size_t macs = mac_table_.forget(peer);
    log_.debug("peer left", "peer", peer, "macs", macs);
  }
  if (!gone.empty()) {
    planner_.changed();
  }
  peers_ = std::move(present);
}

void DataplaneImpl::expire_macs() {
  lanes_.synchronize();
  mac_table_.expire(loop_.now());
}

Result<> DataplaneImpl::announce_moves() {
  auto listener = BellListener::open(loop_.io(), moves_, [this] { planner_.changed(); });
  if (!listener) {
    return tl::unexpected(std::move(listener).error());
  }
  moves_listener_.emplace(*std::move(listener));
  return {};
}

std::vector<dataplane::MacEntry> DataplaneImpl::macs() const {
  auto entries = mac_table_.entries(loop_.now());
  std::ranges::sort(entries, {}, &dataplane::MacEntry::mac);
  return entries;
}

}  // namespace weft
