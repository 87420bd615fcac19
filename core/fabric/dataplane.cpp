/// The node's dataplane: what lanes see is published here, batches pass through Forwarding.

#include "fabric/dataplane.hpp"

#include <algorithm>
#include <ranges>

namespace weft {
namespace {

constexpr std::chrono::minutes expiry_period{1};

/// Between the steps to reuse of a slot: a bucket that is flooded has room again within 30 ms, and
/// waiting for the lanes costs the loop next to nothing.
constexpr std::chrono::milliseconds release_period{10};

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
          [this](const events::TopologyChanged& event) { on_topology(event.topology); })) {}

DataplaneImpl::~DataplaneImpl() = default;

void DataplaneImpl::from_bridge(Lane& lane, std::span<const Frame> batch) noexcept {
  const dataplane::Forwarding::Node node{self_,     mac_table_, snapshot_.read(),
                                         counters_, moves_,     room_};
  dataplane::Forwarding{node, lane}.capture(batch);
}

void DataplaneImpl::from_overlay(Lane& lane, const OverlayBatch& batch) noexcept {
  const dataplane::Forwarding::Node node{self_,     mac_table_, snapshot_.read(),
                                         counters_, moves_,     room_};
  dataplane::Forwarding{node, lane}.receive(batch);
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

void DataplaneImpl::on_topology(std::shared_ptr<const Topology> topology) {
  const auto names = std::views::transform(&Topology::Peer::name);
  std::vector<PeerName> gone;
  std::ranges::set_difference(topology_->peers | names, topology->peers | names,
                              std::back_inserter(gone));
  if (!gone.empty()) {
    const std::size_t macs = mac_table_.forget(gone);
    log_.debug("peers left", "peers", gone.size(), "macs", macs);
    release_soon();
    planner_.changed();
  }
  topology_ = std::move(topology);
}

void DataplaneImpl::expire_macs() {
  if (mac_table_.expire(loop_.now()) != 0) {
    release_soon();
  }
  report_crowd();
}

/// Once a minute at most.
void DataplaneImpl::report_crowd() {
  const std::uint64_t replaced = counters_.replaced.value();
  const std::uint64_t grown = replaced - std::exchange(reported_replaced_, replaced);
  if (grown == 0) {
    return;
  }
  std::map<PeerName, std::size_t> macs;
  for (const dataplane::MacEntry& entry : mac_table_.entries(loop_.now())) {
    ++macs[entry.peer];
  }
  const auto most = std::ranges::max_element(
      macs, {}, [](const auto& peer_and_count) { return peer_and_count.second; });
  if (most != macs.end()) {
    log_.warn("MAC table crowded", "peer with most", most->first, "its MACs", most->second,
              "replaced", grown);
  }
}

void DataplaneImpl::release_soon() {
  if (std::exchange(releases_due_, dataplane::MacTable::generations_to_reuse) == 0) {
    release_ = loop_.after(release_period, [this] { release(); });
  }
}

void DataplaneImpl::release() {
  lanes_.synchronize();
  releases_due_ -= mac_table_.release() ? 1 : 0;
  if (releases_due_ != 0) {
    release_ = loop_.after(release_period, [this] { release(); });
  }
}

Result<> DataplaneImpl::listen_to_lanes() {
  auto moves = BellListener::open(loop_, moves_, [this] { planner_.changed(); });
  if (!moves) {
    return tl::unexpected(std::move(moves).error());
  }
  auto room = BellListener::open(loop_, room_, [this] { release_soon(); });
  if (!room) {
    return tl::unexpected(std::move(room).error());
  }
  moves_listener_.emplace(*std::move(moves));
  room_listener_.emplace(*std::move(room));
  return {};
}

std::vector<dataplane::MacEntry> DataplaneImpl::macs() const {
  auto entries = mac_table_.entries(loop_.now());
  std::ranges::sort(entries, {}, &dataplane::MacEntry::mac);
  return entries;
}

std::string DataplaneImpl::nickname_of(PeerName peer) const {
  const auto at = std::ranges::lower_bound(topology_->peers, peer, {}, &Topology::Peer::name);
  return at != topology_->peers.end() && at->name == peer ? at->nickname : "";
}

}  // namespace weft
