/// Whose word counts when rings disagree. Whoever owns a range outbids what takes it away; whoever
/// gets one waits until its former owner gave it away; everybody else passes the news on, and tells
/// the owner. docs/decisions/2026-11-30-the-owner-outbids.md says why.

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/core.h>

#include "allocator.hpp"
#include "ceilings.hpp"

namespace weft::ipam {

namespace {

/// Of the peers that hear of a donation by its own broadcast, so many tell the donor, in case the
/// broadcast was not its own.
constexpr double expected_tellers = 4;

}  // namespace

Result<> Allocator::merge_ring(const Delivery& delivery, const GossipState& state) {
  const RingState& received = *state.ring;
  MergeTerms terms;
  terms.version_ceiling = version_ceiling(surroundings_.wall_now());
  const TimePoint now = surroundings_.now();
  const bool is_first = ring_.is_empty();
  terms.new_tokens = is_first ? max_ring_entries : new_tokens_.left(now);
  terms.lets_go = [this](std::span<const AddressRange> ranges, PeerName rival) {
    return lets_go(ranges, rival);
  };
  auto merged = ring_.merge(received, std::move(terms));
  if (!merged) {
    rejections_.count("other-ring");
    const bool is_own_word = !delivery.source && !delivery.originator;
    return is_own_word ? Result<>(tl::unexpected(merged.error())) : Result<>();
  }
  new_tokens_.spend(is_first ? 0 : merged->new_tokens, now);
  has_heard_ring_ = has_heard_ring_ || !received.entries.empty();
  rejections_.report(*merged,
                     with_nickname(nicknames_, delivery.asker().value_or(state.ring_teller)));
  if (merged->is_raised || !merged->outbid.empty()) {
    news_.outbid();
  }
  if (merged->is_changed) {
    fences_.keep(owned());
    hear_moves(delivery, merged->moves);
    prune_nicknames();
    ring_changed();
  }
  const PeerName teller = delivery.source.value_or(state.ring_teller);
  if (merged->has_left_out) {
    news_.ask(teller);
  }
  hear_teller(teller, word_of(delivery), received);
  if (!merged->outbid.empty()) {
    ask_for_addresses_in_use();
  }
  return {};
}

/// What a unicast is worth depends on who delivered it. The name in a gossiped ring is a hint.
Word Allocator::word_of(const Delivery& delivery) const {
  if (!delivery.source) {
    return Word::hint;
  }
  return surroundings_.is_neighbour(*delivery.source) ? Word::own : Word::relayed;
}

/// What a peer says of its own ranges. Where others' word got further than its own, it is told.
void Allocator::hear_teller(PeerName teller, Word word, const RingState& told) {
  if (teller == settings_.self || told.entries.empty() || !surroundings_.is_known(teller)) {
    return;
  }
  const AddressSet claimed = told.claims(teller);
  const TimePoint now = surroundings_.now();
  disputes_.told(teller, claimed, word, now);
  if (word != Word::hint) {
    fences_.replace_lost(
        [this](PeerName peer) { return surroundings_.is_known(peer); }, teller,
        [this, teller](AddressRange range) { return seeker_.is_asked(teller, range); });
  }
  if (fences_.told(teller, claimed, word, now)) {
    reopen_take_overs(teller);
  }
  if (word == Word::own) {
    cede_denied(teller, claimed);
  }
  if (ring_.is_ahead_of(teller, told, claimed)) {
    news_.tell(teller);
  }
}

bool Allocator::lets_go(std::span<const AddressRange> ranges, PeerName rival) const {
  if (space_.has_allocations(ranges)) {
    return false;
  }
  const auto all = [ranges](auto holds) { return std::ranges::all_of(ranges, holds); };
  if (all([this](AddressRange range) { return fences_.is_closed(range); })) {
    return true;
  }
  if (all([&](AddressRange range) { return fences_.is_taken_from(rival, range); })) {
    return surroundings_.is_known(rival);  // it was not gone for good
  }
  return !has_heard_ring_;  // another peer may have taken over while this one was away
}

void Allocator::hear_moves(const Delivery& delivery, const std::vector<MergeOutcome::Move>& moves) {
  const TimePoint now = surroundings_.now();
  std::map<PeerName, AddressRange> givers;
  for (const MergeOutcome::Move& move : moves) {
    if (move.from == settings_.self) {
      for (const AddressRange range : move.ranges) {
        disputes_.returned(range, move.to);
      }
      continue;
    }
    const bool is_own_word = delivery.source == move.from && word_of(delivery) == Word::own;
    for (const AddressRange range : move.ranges) {
      if (move.to == settings_.self) {
        fence_gain(range, move.from);
        givers.emplace(move.from, range);
      } else if (!is_own_word) {
        disputes_.moved(range, move.from, move.to, now);
      }
    }
    const double share = expected_tellers / static_cast<double>(nicknames_.size());
    const bool is_likely_own_word = delivery.originator == move.from;
    if (!is_own_word && (!is_likely_own_word || surroundings_.random_unit() < share)) {
      news_.tell(move.from);
    }
  }
  for (const auto& [giver, range] : givers) {
    seeker_.answered(giver, range);
  }
}

/// Its former owner may be another peer than the ring says, if it changed hands lately.
void Allocator::fence_gain(AddressRange range, PeerName from) {
  Fence fence{range, from, Fence::Kind::heard, surroundings_.now()};
  fence.is_asked = seeker_.is_asked(from, range);
  const std::vector<PeerName> claimants = known_claimants(range);
  if (!claimants.empty()) {
    fence.from = claimants.front();
  }
  for (const PeerName claimant : claimants) {
    news_.tell(claimant);
  }
  fences_.add(fence);
  disk_.changed();
}

/// Peers in the mesh that owned a part of the range a moment ago and may disagree.
std::vector<PeerName> Allocator::known_claimants(AddressRange range) const {
  std::vector<PeerName> claimants = disputes_.claimants(range);
  std::erase_if(claimants, [this](PeerName peer) {
    return peer == settings_.self || !surroundings_.is_known(peer);
  });
  return claimants;
}

void Allocator::open_fences() {
  if (!fences_.has_closed()) {
    return;
  }
  const TimePoint now = surroundings_.now();
  disputes_.expire(now);
  const bool has_opened = fences_.open(
      now, [this](PeerName peer) { return surroundings_.is_known(peer); },
      [this](AddressRange range) { return !known_claimants(range).empty(); });
  if (has_opened) {
    disk_.changed();
    is_retry_wanted_ = true;
    refresh_space();
  }
  if (const auto next = fences_.next_opening(now)) {
    opening_ = surroundings_.after(*next - now, [this] { settle(); });
  }
}

/// Tells them this node's ring, which they outbid if they disagree, and asks for theirs.
void Allocator::ask_former_owners() {
  for (const Fence& fence : fences_.all()) {
    if (!fence.is_closed()) {
      continue;
    }
    news_.tell(fence.from);
    for (const PeerName claimant : known_claimants(fence.range)) {
      news_.tell(claimant);
    }
  }
}

/// Whether a fence waits for the peer's word.
bool Allocator::is_awaited(PeerName peer) const {
  const bool is_claimant = disputes_.involves(peer);
  return std::ranges::any_of(fences_.all(), [&](const Fence& fence) {
    return fence.is_closed() && (fence.from == peer || is_claimant);
  });
}

}  // namespace weft::ipam
