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

using namespace std::chrono_literals;

/// What contradicts this node is answered this often at most.
constexpr Duration news_interval = 1s;
/// Peers that are told or asked at a time.
constexpr std::size_t most_told = 16;
constexpr std::size_t most_to_tell = 256;
/// Of the peers that hear of a donation by its own broadcast, so many tell the donor, in case the
/// broadcast was not its own.
constexpr double expected_tellers = 4;

/// A donor saves before it answers; later than this nobody answers a request.
constexpr Duration asked_for = 10s;
/// Requests that are remembered.
constexpr std::size_t most_asked = 1'024;
/// Peers that this node may have to ask for what it left out of their rings, one at a time.
constexpr std::size_t most_to_ask = 16;
/// Clocks of peers may differ by so much: what is ahead of them is broadcast again.
constexpr Duration clocks_differ = 2s;

constexpr Duration log_interval = 10s;

std::string entry_text(const RingEntry& entry) {
  return fmt::format("{} v{} of {}", address_text(entry.token), entry.version,
                     to_string(entry.peer));
}

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
    refused("other-ring");
    const bool is_own_word = !delivery.source && !delivery.originator;
    return is_own_word ? Result<>(tl::unexpected(merged.error())) : Result<>();
  }
  new_tokens_.spend(is_first ? 0 : merged->new_tokens, now);
  has_heard_ring_ = has_heard_ring_ || !received.entries.empty();
  report(delivery, state, *merged);
  is_outbid_untold_ = is_outbid_untold_ || merged->is_raised;
  if (merged->is_changed) {
    fences_.keep(owned());
    hear_moves(delivery, merged->moves);
    prune_nicknames();
    ring_changed();
  }
  const PeerName teller = delivery.source.value_or(state.ring_teller);
  if (merged->has_left_out) {
    ask_for_ring(teller);
  }
  hear_teller(teller, word_of(delivery), received);
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
    fences_.replace_lost([this](PeerName peer) { return surroundings_.is_known(peer); }, teller,
                         [this, teller](AddressRange range) { return is_asked(teller, range); });
  }
  fences_.told(teller, claimed, word, now);
  if (ring_.is_ahead_of(teller, told, claimed)) {
    tell(teller);
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
      tell(move.from);
    }
  }
  for (const auto& [giver, range] : givers) {
    forget_asked(giver, range);
  }
}

/// Its former owner may be another peer than the ring says, if it changed hands lately.
void Allocator::fence_gain(AddressRange range, PeerName from) {
  Fence fence{range, from, Fence::Kind::heard, surroundings_.now()};
  fence.is_asked = is_asked(from, range);
  const std::vector<PeerName> claimants = known_claimants(range);
  if (!claimants.empty()) {
    fence.from = claimants.front();
  }
  for (const PeerName claimant : claimants) {
    tell(claimant);
  }
  fences_.add(fence);
  are_holdings_unsaved_ = true;
}

/// Peers in the mesh that owned a part of the range a moment ago and may disagree.
std::vector<PeerName> Allocator::known_claimants(AddressRange range) const {
  std::vector<PeerName> claimants = disputes_.claimants(range);
  std::erase_if(claimants, [this](PeerName peer) {
    return peer == settings_.self || !surroundings_.is_known(peer);
  });
  return claimants;
}

void Allocator::note_asked(PeerName peer, AddressRange wanted) {
  const TimePoint now = surroundings_.now();
  std::erase_if(asked_peers_, [&](const Asked& asked) {
    return now - asked.last >= asked_for || (asked.peer == peer && asked.wanted == wanted);
  });
  if (asked_peers_.size() == most_asked) {
    asked_peers_.erase(asked_peers_.begin());
  }
  asked_peers_.push_back({peer, wanted, now});
}

/// Whether the range may be what this node asked the peer for: nobody gets more than it wanted.
bool Allocator::is_asked(PeerName peer, AddressRange range) const {
  const TimePoint now = surroundings_.now();
  return std::ranges::any_of(asked_peers_, [&](const Asked& asked) {
    return asked.peer == peer && now - asked.last < asked_for &&
           intersection(asked.wanted, range) == range;
  });
}

/// One of the requests was answered.
void Allocator::forget_asked(PeerName peer, AddressRange range) {
  const auto answered = std::ranges::find_if(asked_peers_, [&](const Asked& asked) {
    return asked.peer == peer && intersection(asked.wanted, range) == range;
  });
  if (answered != asked_peers_.end()) {
    asked_peers_.erase(answered);
  }
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
    are_holdings_unsaved_ = true;
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
    tell(fence.from);
    for (const PeerName claimant : known_claimants(fence.range)) {
      tell(claimant);
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

void Allocator::tell(PeerName peer) {
  if (to_tell_.size() < most_to_tell && surroundings_.is_known(peer)) {
    to_tell_.insert(peer);
  }
}

/// A ring had more new tokens than may come at a time.
void Allocator::ask_for_ring(PeerName peer) {
  if (to_ask_.size() < most_to_ask && peer != settings_.self && surroundings_.is_known(peer)) {
    to_ask_.insert(peer);
  }
}

void Allocator::spread_news() {
  if ((!is_outbid_untold_ && to_tell_.empty() && to_ask_.empty()) || is_news_armed_) {
    return;
  }
  const TimePoint now = surroundings_.now();
  if (last_news_ && now - *last_news_ < news_interval) {
    is_news_armed_ = true;
    news_ = surroundings_.after(*last_news_ + news_interval - now, [this] {
      is_news_armed_ = false;
      spread_news();
      save();
    });
    return;
  }
  last_news_ = now;
  const auto ask = [this](PeerName peer) {
    // A state without a ring asks for one; every peer answers it.
    surroundings_.unicast(peer, encode_ring_update(encode_gossip({}, settings_.self)),
                          [](const Result<>&) {});
  };
  if (std::exchange(is_outbid_untold_, false)) {
    broadcast_outbid();
  }
  for (std::size_t told = 0; told < most_told && !to_tell_.empty(); ++told) {
    const PeerName peer = *to_tell_.begin();
    to_tell_.erase(to_tell_.begin());
    send_ring(peer);
    if (is_awaited(peer)) {
      ask(peer);
    }
  }
  if (!to_ask_.empty()) {
    ask(to_ask_.extract(to_ask_.begin()).value());
  }
  spread_news();  // later, what is left
}

/// Again, as long as some clocks may not believe it.
void Allocator::broadcast_outbid() {
  after_save([this](const Result<>& saved) {
    is_outbid_untold_ = is_outbid_untold_ || !saved;
    if (saved) {
      surroundings_.broadcast_state();
    }
  });
  is_outbid_untold_ = is_ahead_of_clocks();
}

bool Allocator::is_ahead_of_clocks() const {
  const std::uint32_t believed = version_ceiling(surroundings_.wall_now() - clocks_differ);
  return std::ranges::any_of(ring_.state().entries, [&](const RingEntry& entry) {
    return entry.peer == settings_.self && entry.version > believed;
  });
}

void Allocator::refused(std::string_view reason, std::size_t times) {
  if (times > 0) {
    refused_ += times;
    surroundings_.count_refused(reason, times);
  }
}

/// A gossiped ring does not prove who tells it; the name in it is a hint.
void Allocator::report(const Delivery& delivery, const GossipState& state,
                       const MergeOutcome& outcome) {
  const PeerName teller = delivery.asker().value_or(state.ring_teller);
  if (!outcome.outbid.empty()) {
    outbid_ += outcome.outbid.size();
    surroundings_.count_outbid(outcome.outbid.size());
    is_outbid_untold_ = true;
    if (may_log(outbid_lines_)) {
      surroundings_.log().warn("kept a range of this node that a message gives away", "entry",
                               entry_text(outcome.outbid.front()), "entries", outcome.outbid.size(),
                               "told-by", with_nickname(teller), "messages-before",
                               std::exchange(outbid_lines_.untold, 0));
    }
  }
  for (std::size_t why = 0; why < refusals; ++why) {
    refused(to_string(static_cast<Refusal>(why)), outcome.refused[why]);
  }
  if (outcome.first_refused && may_log(refusal_lines_)) {
    surroundings_.log().warn("refused entries of a ring", "entry",
                             entry_text(*outcome.first_refused), "told-by", with_nickname(teller),
                             "messages-before", std::exchange(refusal_lines_.untold, 0));
  }
}

bool Allocator::may_log(LogGate& gate) {
  const TimePoint now = surroundings_.now();
  if (now < gate.next) {
    ++gate.untold;
    return false;
  }
  gate.next = now + log_interval;
  return true;
}

}  // namespace weft::ipam
