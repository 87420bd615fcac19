/// Whose word counts when rings disagree. Whoever owns a range outbids what takes it away; whoever
/// gets one waits until its former owner gave it away; everybody else passes the news on, and tells
/// the owner. docs/decisions/2026-11-30-the-owner-outbids.md says why.

#include <algorithm>
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
/// How long a change of owner may be disputed, and how many are remembered.
constexpr Duration disputed_for = 60s;
constexpr std::size_t most_changes = 256;

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
  if (merged->is_changed) {
    fences_.keep(owned());
    hear_moves(delivery, merged->moves);
    prune_nicknames();
    ring_changed();
  }
  if (delivery.source) {
    if (is_asked(*delivery.source)) {
      fences_.replace_lost([this](PeerName peer) { return surroundings_.is_known(peer); },
                           *delivery.source);
    }
    fences_.granted(*delivery.source, received);
  }
  return {};
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
  std::set<PeerName> givers;
  for (const MergeOutcome::Move& move : moves) {
    if (move.from == settings_.self) {
      continue;
    }
    for (const AddressRange range : move.ranges) {
      if (move.to == settings_.self) {
        fence_gain(range, move.from);
        givers.insert(move.from);
      } else {
        remember_change(range, move.from);
      }
    }
    const double share = expected_tellers / static_cast<double>(nicknames_.size());
    const bool is_own_word = delivery.source == move.from;
    const bool is_likely_own_word = delivery.originator == move.from;
    if (!is_own_word && (!is_likely_own_word || surroundings_.random_unit() < share)) {
      tell(move.from);
    }
  }
  for (const PeerName giver : givers) {
    forget_asked(giver);
  }
}

void Allocator::fence_gain(AddressRange range, PeerName from) {
  Fence fence{range, former_owner(range, from), Fence::Kind::heard, surroundings_.now()};
  fence.is_asked = is_asked(from);
  fences_.add(fence);
  are_holdings_unsaved_ = true;
}

void Allocator::remember_change(AddressRange range, PeerName from) {
  if (changes_.size() == most_changes) {
    changes_.erase(changes_.begin());
  }
  changes_.push_back({range, from, surroundings_.now()});
}

/// The first of those who owned a part of the range a moment ago and may disagree.
PeerName Allocator::former_owner(AddressRange range, PeerName from) const {
  for (const Change& change : changes_) {
    if (surroundings_.now() - change.when < disputed_for && change.range.overlaps(range) &&
        change.from != settings_.self && surroundings_.is_known(change.from)) {
      return change.from;
    }
  }
  return from;
}

void Allocator::note_asked(PeerName peer) {
  const TimePoint now = surroundings_.now();
  std::erase_if(asked_peers_,
                [now](const auto& asked) { return now - asked.second.last >= asked_for; });
  Asked& asked = asked_peers_[peer];
  ++asked.times;
  asked.last = now;
}

bool Allocator::is_asked(PeerName peer) const {
  const auto asked = asked_peers_.find(peer);
  return asked != asked_peers_.end() && surroundings_.now() - asked->second.last < asked_for;
}

/// One of the requests was answered.
void Allocator::forget_asked(PeerName peer) {
  const auto asked = asked_peers_.find(peer);
  if (asked != asked_peers_.end() && --asked->second.times == 0) {
    asked_peers_.erase(asked);
  }
}

void Allocator::open_fences() {
  if (!fences_.has_closed()) {
    return;
  }
  const bool has_opened = fences_.open(
      surroundings_.now(), [this](PeerName peer) { return surroundings_.is_known(peer); });
  if (has_opened) {
    are_holdings_unsaved_ = true;
    is_retry_wanted_ = true;
    refresh_space();
  }
}

/// Tells them this node's ring, which they outbid if they disagree, and asks for theirs.
void Allocator::ask_former_owners() {
  for (const Fence& fence : fences_.all()) {
    if (fence.is_closed()) {
      tell(fence.from);
    }
  }
}

void Allocator::tell(PeerName peer) {
  if (to_tell_.size() < most_to_tell && surroundings_.is_known(peer)) {
    to_tell_.insert(peer);
  }
}

void Allocator::spread_news() {
  if ((!is_outbid_untold_ && to_tell_.empty()) || is_news_armed_) {
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
  if (std::exchange(is_outbid_untold_, false)) {
    after_save([this](const Result<>& saved) {
      is_outbid_untold_ = is_outbid_untold_ || !saved;
      if (saved) {
        surroundings_.broadcast_state();
      }
    });
  }
  for (std::size_t told = 0; told < most_told && !to_tell_.empty(); ++told) {
    const PeerName peer = *to_tell_.begin();
    to_tell_.erase(to_tell_.begin());
    send_ring(peer);
    const bool is_awaited = std::ranges::any_of(fences_.all(), [peer](const Fence& fence) {
      return fence.is_closed() && fence.from == peer;
    });
    if (is_awaited) {
      // A state without a ring asks for one; every peer answers it.
      surroundings_.unicast(peer, encode_ring_update(encode_gossip({}, settings_.self)),
                            [](const Result<>&) {});
    }
  }
  spread_news();  // later, what is left
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
