/// The allocator's life, what follows from a change, and what it tells of itself.

#include "allocator.hpp"

#include <set>
#include <utility>

#include <fmt/core.h>

#include "ceilings.hpp"

namespace weft::ipam {

Allocator::Allocator(Surroundings& surroundings, Settings settings)
    : surroundings_(surroundings),
      settings_(std::move(settings)),
      ring_(range_of(settings_.universe), settings_.self),
      rejections_(surroundings),
      disk_(surroundings, ring_, holdings_, fences_, [this] { arm_retry(); }),
      first_ring_(surroundings, settings_, ring_,
                  [this](std::vector<PeerName> peers) {
                    has_heard_ring_ = peers.size() > 1;  // alone it asked nobody
                    divide_ring(std::move(peers));
                  }),
      seeker_(surroundings, ring_),
      giver_(
          surroundings, settings_.self, ring_, space_, disk_, rejections_,
          [this](PeerName peer) { send_ring(peer); }, [this] { settle(); }),
      news_(surroundings, settings_.self, ring_, disk_,
            {[this](PeerName peer) { send_ring(peer); },
             [this](PeerName peer) { return is_awaited(peer); }}),
      requests_(surroundings,
                {settings_, ring_, fences_, nicknames_, space_, holdings_, disk_, first_ring_,
                 seeker_, rejections_},
                [this] { settle(); }) {
  nicknames_[settings_.self] = tame_nickname(settings_.nickname);
}

void Allocator::start(Stored stored) {
  const bool is_seeded = settings_.init.kind == InitMode::Kind::seed;
  const bool is_in_use = stored.is_in_use;
  if (restore(std::move(stored))) {
    surroundings_.log().info("continuing with the stored address ring", "init",
                             is_seeded ? "seed ignored" : "done");
  } else if (is_in_use) {
    first_ring_.search([this] { search_in_vain(); });
  } else if (is_seeded) {
    surroundings_.log().info("dividing the address range among the seeds");
    divide_ring(settings_.init.seeds);
  } else {
    surroundings_.log().info(first_ring_.is_elector()
                                 ? "the address range will be divided by consensus"
                                 : "waiting as observer for another peer's address ring");
  }
  settle();
}

bool Allocator::restore(Stored stored) {
  disk_.changed();  // what is not restored is overwritten
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
  disk_.restored();
  holdings_ = std::move(stored.holdings);
  first_ring_.end();
  if (stored.fences) {
    fences_.restore(*stored.fences, surroundings_.now());
  }
  refresh_space();
  for (const auto& [owner, holding] : holdings_) {
    for (const net::Cidr& address : holding.addresses) {
      const Address value = address.address.v4_value();
      if (ring_.universe().contains(value) && !space_.claim(value)) {
        surroundings_.log().warn("a stored address is not this node's to use", "address", address,
                                 "owner", owner);
      }
    }
  }
  return true;
}

void Allocator::stop() noexcept {
  retry_.cancel();
  opening_.cancel();
  first_ring_.stop();
  news_.stop();
  requests_.stop();
  disk_.stop();
}

void Allocator::divide_ring(std::vector<PeerName> peers) {
  ring_.divide(in_ring_order(std::move(peers)));
  ring_changed();
  disk_.then([this](const Result<>&) { surroundings_.broadcast_state(); });
}

void Allocator::search_in_vain() {
  if (settings_.init.kind == InitMode::Kind::seed) {
    divide_ring(settings_.init.seeds);
  } else if (requests_.has_impatient()) {
    first_ring_.establish();
  }
  settle();
}

void Allocator::ring_changed() {
  first_ring_.end();
  refresh_space();
  seeker_.forget_round();
  is_retry_wanted_ = true;
  giver_.ring_changed();
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

bool Allocator::needs_retry() const noexcept {
  const bool can_try = ring_.is_empty() ? requests_.has_impatient() : requests_.has_any();
  return first_ring_.is_under_way() || disk_.is_behind() || can_try || fences_.has_closed();
}

void Allocator::arm_retry() {
  if (needs_retry() && !is_retry_armed_) {
    is_retry_armed_ = true;
    retry_ = surroundings_.after(message_retry_interval, [this] {
      is_retry_armed_ = false;
      retry();
    });
  }
}

void Allocator::retry() {
  seeker_.forget_round();
  ask_former_owners();
  ask_for_addresses_in_use();
  if (!first_ring_.retry() && requests_.has_any()) {
    if (requests_.has_impatient()) {
      first_ring_.establish();
    }
    is_retry_wanted_ = true;
  }
  settle();
}

void Allocator::settle() {
  open_fences();
  while (std::exchange(is_retry_wanted_, false)) {
    requests_.try_all_waiting();
  }
  ring_.report_free([this](AddressRange range) {
    return fences_.is_closed(range) ? std::nullopt : std::optional(space_.free_in(range));
  });
  if (auto ranges = fewest_prefixes(ring_.owned_ranges(settings_.self)); ranges != published_) {
    published_ = ranges;
    surroundings_.publish(std::move(ranges));
  }
  news_.spread();
  disk_.save();
  arm_retry();
}

Bytes Allocator::complete_state() const {
  GossipState state;
  state.now = unix_seconds(surroundings_.wall_now());
  state.nicknames = nicknames_;
  if (!ring_.is_empty()) {
    state.ring = disk_.public_ring();
  } else if (const PaxosState* const votes = first_ring_.votes()) {
    state.paxos = *votes;
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
    answer(fail(Errc::not_found, fmt::format("take over from {}: it owns no addresses",
                                             with_nickname(nicknames_, peer))));
    return;
  }
  if (surroundings_.is_known(peer)) {
    // Its addresses may be in use; and a Weave Net peer would crash on hearing of it.
    answer(fail(Errc::denied, fmt::format("take over from {}: it is still in the mesh, stop it "
                                          "and wait until it has gone",
                                          with_nickname(nicknames_, peer))));
    return;
  }
  std::uint64_t addresses = awaited;
  for (const AddressRange range : ring_.transfer(peer, settings_.self)) {
    addresses += range.size();
    fences_.add({range, peer, Fence::Kind::taken, surroundings_.now()});
  }
  disk_.changed();
  ring_changed();
  disk_.then([this](const Result<>&) { surroundings_.broadcast_state(); });
  disk_.answer(std::move(answer), addresses);
  settle();
}

void Allocator::forget_peer(PeerName peer) {
  if (peer != settings_.self && !ring_.mentions(peer)) {
    nicknames_.erase(peer);
  }
}

Allocator::Status Allocator::status() const {
  Status status;
  status.vote = first_ring_.vote();
  status.is_searching = first_ring_.is_searching();
  status.universe = settings_.universe;
  status.active = space_.allocated().count();
  status.free = space_.free().count();
  status.outbid = rejections_.outbid();
  status.refused = rejections_.refused();
  status.pending_claims = requests_.waiting_claims();
  status.pending_allocations = requests_.waiting_allocations();
  return status;
}

std::vector<std::string> Allocator::warnings() const {
  std::vector<std::string> warnings = lost_addresses();
  if (const auto contest = rejections_.contest()) {
    warnings.push_back(fmt::format(
        "peers do not agree whose the addresses from {} are: this node's, or those of {}, as {} "
        "says; "
        "pods of both may have the same ones. Make the pods of one of the two anew, after it "
        "stopped and its state directory was removed",
        address_text(contest->entry.token), with_nickname(nicknames_, contest->entry.peer),
        contest->teller));
  }
  return warnings;
}

bool Allocator::is_exhausted(const net::Cidr& subnet) const {
  return !ring_.is_empty() && space_.free_in(host_range_of(subnet)) == 0 &&
         ring_.candidates(range_of(subnet)).empty();
}

}  // namespace weft::ipam
