/// Merges a received ring into ours, entry by entry, so that nobody but this node gives away what
/// it owns. The rules are in docs/protocol/ipam.md.

#include <fmt/core.h>

#include "ceilings.hpp"
#include "ring.hpp"

namespace weft::ipam {

namespace {

/// One merge, in two walks: first the tokens that both know, then those that are new to us, which
/// split ranges whose owners are then decided.
/// Source: weaveworks/weave ipam/ring/ring.go, entries.merge.
class Merge {
 public:
  Merge(const RingState& mine, PeerName self, MergeTerms& terms, MergeOutcome& outcome)
      : mine_(mine), known_(mine.entries), self_(self), terms_(terms), outcome_(outcome) {}

  [[nodiscard]] std::vector<RingEntry> run(const std::vector<RingEntry>& theirs) {
    std::vector<RingEntry> fresh = sift(theirs);
    outcome_.new_tokens = fresh.size();
    std::vector<RingEntry> result;
    result.reserve(known_.size() + fresh.size());
    std::size_t next = 0;
    for (RingEntry& entry : fresh) {
      while (next < known_.size() && known_[next].token < entry.token) {
        result.push_back(known_[next++]);
      }
      result.push_back(split(next, entry));
    }
    result.insert(result.end(), known_.begin() + static_cast<std::ptrdiff_t>(next), known_.end());
    return result;
  }

 private:
  /// Merges what both know; answers the good entries with tokens that are new.
  [[nodiscard]] std::vector<RingEntry> sift(const std::vector<RingEntry>& theirs) {
    std::vector<RingEntry> fresh;
    std::optional<Address> last;
    auto at = known_.begin();
    for (const RingEntry& entry : theirs) {
      if (last && entry.token <= *last) {
        refuse(Refusal::out_of_order, entry);
        continue;
      }
      if (!mine_.universe.contains(entry.token)) {
        refuse(Refusal::out_of_range, entry);
        continue;
      }
      last = entry.token;
      at = std::ranges::lower_bound(at, known_.end(), entry.token, {}, &RingEntry::token);
      const bool is_known = at != known_.end() && at->token == entry.token;
      if (entry.version > terms_.version_ceiling) {
        refuse(Refusal::version, entry);
      } else if (is_known) {
        same_token(static_cast<std::size_t>(at - known_.begin()), entry);
      } else if (known_.size() + fresh.size() >= max_ring_entries ||
                 fresh.size() >= terms_.new_tokens) {
        refuse(Refusal::too_many, entry);
        outcome_.has_left_out |= known_.size() + fresh.size() < max_ring_entries;
      } else {
        fresh.push_back(entry);
      }
    }
    return fresh;
  }

  void same_token(std::size_t index, const RingEntry& theirs) {
    RingEntry& mine = known_[index];
    if (mine.version > theirs.version) {
      return;
    }
    if (mine.peer == self_ && theirs.peer == self_) {
      // An echo of our past, or what another peer granted while this node kept it: impose what we
      // know now.
      if (mine.version < theirs.version || mine.free < theirs.free) {
        mine.version = raised(theirs.version);
        outcome_.is_raised = true;
      }
    } else if (mine.peer == self_ &&
               !terms_.lets_go(mine_.ranges(mine.token, mine_.token_after(index)), theirs.peer)) {
      outbid(theirs);
      mine.version = raised(theirs.version);
      outcome_.is_changed = true;
    } else if (is_ahead(theirs, mine)) {
      mine = theirs;
      outcome_.is_changed = true;
    }
  }

  /// Which of two entries for one token every peer takes in the end. Weave Net keeps its own
  /// when version and free count are equal, for ever.
  [[nodiscard]] static bool is_ahead(const RingEntry& theirs, const RingEntry& mine) noexcept {
    if (theirs.version != mine.version || theirs.peer == mine.peer) {
      return theirs.version > mine.version;
    }
    return theirs.free != mine.free ? theirs.free > mine.free : theirs.peer > mine.peer;
  }

  /// What becomes of an entry with a new token before `known_[next]`.
  [[nodiscard]] RingEntry split(std::size_t next, const RingEntry& theirs) {
    outcome_.is_changed = true;
    if (known_.empty() || theirs.peer == self_) {
      return theirs;
    }
    const std::size_t around = (next + known_.size() - 1) % known_.size();
    const bool is_ours = mine_.entries[around].peer == self_ && known_[around].peer == self_;
    const Address end = known_[next % known_.size()].token;
    if (!is_ours || terms_.lets_go(mine_.ranges(theirs.token, end), theirs.peer)) {
      return theirs;
    }
    outbid(theirs);
    return {theirs.token, self_, raised(theirs.version), 0};
  }

  void outbid(const RingEntry& theirs) { outcome_.outbid.push_back(theirs); }

  void refuse(Refusal why, const RingEntry& entry) {
    ++outcome_.refused[static_cast<std::size_t>(why)];
    if (!outcome_.first_refused) {
      outcome_.first_refused = entry;
    }
  }

  const RingState& mine_;
  std::vector<RingEntry> known_;
  PeerName self_;
  MergeTerms& terms_;
  MergeOutcome& outcome_;
};

/// "[aa:bb:cc:dd:ee:ff aa:bb:cc:dd:ee:fe]".
std::string names(const std::vector<PeerName>& peers) {
  std::string text;
  for (const PeerName peer : peers) {
    text += (text.empty() ? "" : " ") + weft::to_string(peer);
  }
  return "[" + text + "]";
}

/// Every token of `before` is one of `after`, so each range of `after` had one owner.
std::vector<MergeOutcome::Move> moves(const Ring& before, const RingState& after) {
  std::vector<MergeOutcome::Move> found;
  for (std::size_t i = 0; i < after.entries.size(); ++i) {
    const RingEntry& entry = after.entries[i];
    const auto from = before.owner(entry.token);
    if (from && *from != entry.peer) {
      found.push_back({after.ranges(entry.token, after.token_after(i)), *from, entry.peer});
    }
  }
  return found;
}

}  // namespace

std::string_view to_string(Refusal why) noexcept {
  constexpr std::array<std::string_view, refusals> texts{"out-of-order", "out-of-range", "version",
                                                         "too-many"};
  return texts[static_cast<std::size_t>(why)];
}

Result<MergeOutcome> Ring::merge(const RingState& received, MergeTerms terms) {
  if (!received.seeds.empty() && !state_.seeds.empty() && received.seeds != state_.seeds) {
    return fail(Errc::conflict,
                fmt::format("merge the received ring: IP allocation was seeded by different peers "
                            "(received: {}, ours: {})",
                            names(received.seeds), names(state_.seeds)));
  }
  if (received.universe != state_.universe) {
    return fail(Errc::conflict,
                fmt::format("merge the received ring: Incompatible IP allocation ranges "
                            "(received: {}, ours: {})",
                            to_string(received.universe), to_string(state_.universe)));
  }

  MergeOutcome outcome;
  RingState result{state_.universe, Merge(state_, self_, terms, outcome).run(received.entries),
                   state_.seeds.empty() ? received.seeds : state_.seeds};
  for (std::size_t i = 0; i < result.entries.size(); ++i) {
    RingEntry& entry = result.entries[i];  // another token may have split it
    entry.free = std::min(entry.free, result.distance(entry.token, result.token_after(i)));
  }
  if (outcome.is_changed) {
    outcome.moves = moves(*this, result);
  }
  state_ = std::move(result);
  return outcome;
}

}  // namespace weft::ipam
