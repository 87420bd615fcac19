/// The allocator's life: starting, agreeing on a first ring, and keeping everything on disk before
/// anyone hears of it.

#include "allocator.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "ceilings.hpp"

namespace weft::ipam {

namespace {

using namespace std::chrono_literals;

/// What only gossip changed is written this often at most; nobody waits for it.
constexpr Duration save_interval = 1s;

/// A node that lost its state waits so long for a peer that knows the ring. Whoever saw its old
/// connections end calls it within this time.
constexpr Duration search_time = 20s;

}  // namespace

Allocator::Allocator(Surroundings& surroundings, Settings settings)
    : surroundings_(surroundings),
      settings_(std::move(settings)),
      universe_(range_of(settings_.universe)),
      ring_(universe_, settings_.self) {
  nicknames_[settings_.self] = tame_nickname(settings_.nickname);
  if (settings_.init.kind != InitMode::Kind::observer) {
    elector_.emplace(NodeId{settings_.self, settings_.uid});
  }
}

void Allocator::start(Stored stored) {
  const bool is_seeded = settings_.init.kind == InitMode::Kind::seed;
  const bool is_in_use = stored.is_in_use;
  if (restore(std::move(stored))) {
    surroundings_.log().info("continuing with the stored address ring", "init",
                             is_seeded ? "seed ignored" : "done");
  } else if (is_in_use) {
    search_ring();
  } else if (is_seeded) {
    surroundings_.log().info("dividing the address range among the seeds");
    divide_ring(settings_.init.seeds);
  } else {
    surroundings_.log().info(elector_ ? "the address range will be divided by consensus"
                                      : "waiting as observer for another peer's address ring");
  }
  settle();
}

bool Allocator::restore(Stored stored) {
  are_holdings_unsaved_ = true;  // what is not restored is overwritten
  if (!stored.name || !stored.ring || stored.ring->entries.empty()) {
    return false;
  }
  if (*stored.name != settings_.self) {
    surroundings_.log().warn("dropping the stored address ring of another peer", "stored",
                             *stored.name, "ours", settings_.self);
    return false;
  }
  if (const auto restored = ring_.restore(std::move(*stored.ring)); !restored) {
    surroundings_.log().warn("dropping the stored address ring", "error", restored.error());
    return false;
  }
  are_holdings_unsaved_ = false;
  saved_ring_ = ring_.state();
  holdings_ = std::move(stored.holdings);
  elector_.reset();
  if (stored.fences) {
    fences_.restore(*stored.fences, surroundings_.now());
  }
  refresh_space();
  for (const auto& [owner, holding] : holdings_) {
    for (const net::Cidr& address : holding.addresses) {
      const Address value = address.address.v4_value();
      if (universe_.contains(value) && !space_.claim(value)) {
        surroundings_.log().warn("a stored address is not this node's to use", "address", address,
                                 "owner", owner);
      }
    }
  }
  return true;
}

void Allocator::stop() noexcept {
  retry_.cancel();
  search_.cancel();
  save_later_.cancel();
  news_.cancel();
  opening_.cancel();
  primes_.clear();
  claims_.clear();
  allocations_.clear();
  effects_.clear();
  effects_saving_.clear();
}

void Allocator::divide_ring(std::vector<PeerName> peers) {
  ring_.divide(in_ring_order(std::move(peers)));
  ring_changed();
  after_save([this](const Result<>&) { surroundings_.broadcast_state(); });
}

/// Its pods show that this node had a part of a ring. To divide the range again would give out
/// what other peers have.
void Allocator::search_ring() {
  surroundings_.log().warn(
      "no address ring is stored but pods run on: this node lost its saved state; waiting for a "
      "peer that knows the ring",
      "seconds", std::chrono::duration_cast<std::chrono::seconds>(search_time).count());
  is_searching_ = true;
  search_ = surroundings_.after(search_time, [this] { end_search(); });
  surroundings_.broadcast_state();
}

void Allocator::end_search() {
  is_searching_ = false;
  surroundings_.log().warn(
      "no peer told the address ring that this node lost; it goes on as at its first start");
  if (settings_.init.kind == InitMode::Kind::seed) {
    divide_ring(settings_.init.seeds);
  } else if (has_impatient()) {
    establish_ring();
  }
  settle();
}

void Allocator::ring_changed() {
  is_awaiting_consensus_ = false;
  is_searching_ = false;
  search_.cancel();
  elector_.reset();  // a ring answers every later vote
  refresh_space();
  asked_.clear();
  is_retry_wanted_ = true;
  if (!early_requests_.empty()) {
    answer_early_requests();
  }
}

AddressSet Allocator::owned() const {
  AddressSet owned;
  for (const AddressRange range : ring_.owned_ranges(settings_.self)) {
    owned.add(range);
  }
  return owned;
}

void Allocator::refresh_space() {
  AddressSet usable = owned();
  fences_.keep(usable);
  for (const Fence& fence : fences_.all()) {
    if (fence.is_closed()) {
      usable.remove(fence.range);
    }
  }
  space_.set_owned(usable.ranges());
}

void Allocator::establish_ring() {
  if (!ring_.is_empty() || is_awaiting_consensus_ || is_searching_) {
    return;
  }
  is_awaiting_consensus_ = true;
  if (elector_) {
    // Without a configured size: every direct peer and this one.
    const std::size_t peers =
        settings_.init.peers > 0 ? settings_.init.peers : surroundings_.direct_peers() + 1;
    elector_->set_quorum(peers / 2 + 1);
    surroundings_.log().info("seeking consensus on the division of the address range", "quorum",
                             elector_->quorum());
  }
  propose();
}

void Allocator::propose() {
  if (elector_) {
    elector_->propose();
  }
  surroundings_.broadcast_state();  // an observer's state asks for a ring
  decide();
}

void Allocator::decide() {
  if (!elector_) {
    return;
  }
  if (auto peers = elector_->consensus()) {
    surroundings_.log().info("peers agreed on the division of the address range", "peers",
                             peers->size());
    has_heard_ring_ = peers->size() > 1;  // alone it asked nobody
    divide_ring(std::move(*peers));
  }
}

bool Allocator::needs_retry() const noexcept {
  const bool can_try = ring_.is_empty() ? has_impatient() : has_pending();
  return is_awaiting_consensus_ || is_searching_ || are_holdings_unsaved_ || can_try ||
         fences_.has_closed();
}

void Allocator::arm_retry() {
  if (needs_retry() && !is_retry_armed_) {
    is_retry_armed_ = true;
    retry_ = surroundings_.after(retry_interval, [this] {
      is_retry_armed_ = false;
      retry();
    });
  }
}

void Allocator::retry() {
  asked_.clear();
  ask_former_owners();
  if (is_awaiting_consensus_) {
    if (elector_) {
      elector_->forget_unknown([this](PeerName peer) { return surroundings_.is_known(peer); });
    }
    propose();
  } else if (is_searching_) {
    surroundings_.broadcast_state();  // whoever has a ring answers
  } else if (has_pending()) {
    if (has_impatient()) {
      establish_ring();
    }
    is_retry_wanted_ = true;
  }
  settle();
}

void Allocator::settle() {
  open_fences();
  while (std::exchange(is_retry_wanted_, false)) {
    try_pending();
  }
  ring_.report_free([this](AddressRange range) {
    return fences_.is_closed(range) ? std::nullopt : std::optional(space_.free_in(range));
  });
  if (auto ranges = fewest_prefixes(ring_.owned_ranges(settings_.self)); ranges != published_) {
    published_ = ranges;
    surroundings_.publish(std::move(ranges));
  }
  spread_news();
  save();
  arm_retry();
}

void Allocator::save() {
  if (is_saving_) {
    return;
  }
  if (!are_holdings_unsaved_ && ring_.state() == saved_ring_) {
    run_effects(std::exchange(effects_, {}), {});
    return;
  }
  const TimePoint now = surroundings_.now();
  if (effects_.empty() && last_save_ && now - *last_save_ < save_interval) {
    if (!std::exchange(is_save_armed_, true)) {
      save_later_ = surroundings_.after(*last_save_ + save_interval - now, [this] {
        is_save_armed_ = false;
        save();
      });
    }
    return;
  }
  last_save_ = now;
  is_saving_ = true;
  are_holdings_unsaved_ = false;
  ring_being_saved_ = ring_.state();
  grants_being_saved_ = grants_made_;
  effects_saving_ = std::exchange(effects_, {});
  surroundings_.save(ring_being_saved_, holdings_, fences_.stored(universe_),
                     [this](const Result<>& saved) { on_saved(saved); });
}

void Allocator::on_saved(const Result<>& saved) {
  is_saving_ = false;
  if (saved) {
    saved_ring_ = std::move(ring_being_saved_);
    grants_saved_ = grants_being_saved_;
  } else {
    are_holdings_unsaved_ = true;
    surroundings_.log().error("cannot keep addresses on disk; trying again", "error",
                              saved.error());
  }
  run_effects(std::exchange(effects_saving_, {}), saved);
  if (saved) {
    save();
  }
  arm_retry();
}

void Allocator::run_effects(std::vector<AfterSave> effects, const Result<>& saved) {
  for (AfterSave& effect : effects) {
    effect(saved);
  }
}

const RingState& Allocator::public_ring() const noexcept {
  // A grant that is not on disk must not be heard of: after a crash we would hand its addresses
  // out ourselves.
  return grants_made_ == grants_saved_ ? ring_.state() : saved_ring_;
}

Bytes Allocator::complete_state() const {
  GossipState state;
  state.now = unix_seconds(surroundings_.wall_now());
  state.nicknames = nicknames_;
  if (!ring_.is_empty()) {
    state.ring = public_ring();
  } else if (elector_) {
    state.paxos = elector_->known();
  }
  return encode_gossip(state, settings_.self);
}

Result<PeerName> Allocator::find_peer(std::string_view name_or_nickname) const {
  std::set<PeerName> found;
  for (const auto& [peer, nickname] : nicknames_) {
    if (nickname == name_or_nickname) {
      found.insert(peer);
    }
  }
  const auto parsed = parse_peer_name(name_or_nickname);
  if (parsed && (found.empty() || ring_.mentions(*parsed) || surroundings_.is_known(*parsed))) {
    found.insert(*parsed);
  }
  if (found.empty()) {
    return fail(Errc::not_found,
                fmt::format("find a peer with the nickname or name '{}'", name_or_nickname));
  }
  if (found.size() == 1) {
    return *found.begin();
  }
  std::vector<PeerName> gone;
  std::string all;
  for (const PeerName peer : found) {
    const bool is_there = surroundings_.is_known(peer);
    if (!is_there && ring_.mentions(peer)) {
      gone.push_back(peer);
    }
    all += fmt::format("{}{}, {}", all.empty() ? "" : "; ", to_string(peer),
                       is_there ? "in the mesh" : "gone");
  }
  if (gone.size() == 1) {
    return gone.front();
  }
  return fail(Errc::conflict, fmt::format("choose a peer: several are called '{}', take the name "
                                          "of one: {}",
                                          name_or_nickname, all));
}

void Allocator::take_over(PeerName peer, Answer<std::uint64_t> answer) {
  if (peer == settings_.self) {
    answer(fail(Errc::denied, "take over the addresses of this node itself"));
    return;
  }
  const std::uint64_t awaited =
      surroundings_.is_known(peer) ? 0 : fences_.give_up_on(peer, surroundings_.now());
  if (!ring_.mentions(peer) && awaited == 0) {
    answer(fail(Errc::not_found,
                fmt::format("take over from {}: it owns no addresses", with_nickname(peer))));
    return;
  }
  if (surroundings_.is_known(peer)) {
    // Its addresses may be in use; and a peer of the original would crash on hearing of it.
    answer(fail(Errc::denied, fmt::format("take over from {}: it is still in the mesh, stop it "
                                          "and wait until it has gone",
                                          with_nickname(peer))));
    return;
  }
  std::uint64_t addresses = awaited;
  for (const AddressRange range : ring_.transfer(peer, settings_.self)) {
    addresses += range.size();
    fences_.add({range, peer, Fence::Kind::taken, surroundings_.now()});
  }
  are_holdings_unsaved_ = true;
  ring_changed();
  after_save([this](const Result<>&) { surroundings_.broadcast_state(); });
  answer_after_save(std::move(answer), addresses);
  settle();
}

void Allocator::forget_peer(PeerName peer) {
  if (peer != settings_.self && !ring_.mentions(peer)) {
    nicknames_.erase(peer);
  }
}

Allocator::Status Allocator::status() const {
  Status status;
  if (is_awaiting_consensus_) {
    status.vote.emplace();
    if (elector_) {
      status.vote = {true, elector_->known().size(), elector_->quorum()};
    }
  }
  status.is_searching = is_searching_;
  status.universe = settings_.universe;
  status.active = space_.allocated().count();
  status.free = space_.free().count();
  status.outbid = outbid_;
  status.refused = refused_;
  for (const PendingClaim& pending : claims_) {
    status.pending_claims.push_back({pending.owner, pending.address});
  }
  for (const PendingAllocation& pending : allocations_) {
    if (pending.is_patient && ring_.is_empty()) {
      continue;  // it asks for nothing yet
    }
    status.pending_allocations.push_back({pending.owner, pending.subnet});
  }
  return status;
}

bool Allocator::is_exhausted(const net::Cidr& subnet) const {
  return !ring_.is_empty() && space_.free_in(host_range_of(subnet)) == 0 &&
         ring_.candidates(range_of(subnet)).empty();
}

}  // namespace weft::ipam
