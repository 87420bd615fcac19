/// Merges a received ring into ours, entry by entry, without losing an address in use.

#include <fmt/core.h>

#include "ring.hpp"

namespace weft::ipam {

namespace {

/// One merge. Walks both lists by token, as specified in docs/protocol/ipam.md.
/// Source: weaveworks/weave ipam/ring/ring.go, entries.merge.
class Merge {
 public:
  Merge(const RingState& mine, const RingState& theirs, PeerName self,
        Ring::HasAllocations& has_allocations)
      : mine_(mine), theirs_(theirs), self_(self), has_allocations_(has_allocations) {}

  [[nodiscard]] Result<> run();

  [[nodiscard]] bool is_changed() const noexcept { return is_changed_; }
  [[nodiscard]] std::vector<RingEntry> take_entries() && { return std::move(entries_); }

 private:
  void keep(const RingEntry& mine) {
    entries_.push_back(mine);
    is_after_mine_ = mine.peer == self_;
  }
  void take(const RingEntry& theirs) {
    entries_.push_back(theirs);
    is_changed_ = true;
    is_after_mine_ = false;
  }
  [[nodiscard]] bool has_allocations(Address from, Address to) {
    return has_allocations_(mine_.ranges(from, to));
  }
  /// True when their entry would split a range that is ours for somebody else.
  [[nodiscard]] bool splits_mine(const RingEntry& theirs) const noexcept {
    return is_after_mine_ && theirs.peer != self_;
  }
  [[nodiscard]] Result<> merge_same_token(std::size_t index, const RingEntry& theirs);
  [[nodiscard]] Result<> merge_same_version(std::size_t index, const RingEntry& theirs);

  const RingState& mine_;
  const RingState& theirs_;
  PeerName self_;
  Ring::HasAllocations& has_allocations_;

  std::vector<RingEntry> entries_;
  bool is_changed_ = false;
  bool is_after_mine_ = false;  // the last entry was kept and is this node's
};

tl::unexpected<Error> entry_in_my_range(const RingEntry& theirs) {
  return fail(Errc::conflict, fmt::format("merge the received ring: Peer {} says it owns the IP "
                                          "range from {}, which I think I own",
                                          to_string(theirs.peer), address_text(theirs.token)));
}

Result<> Merge::run() {
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < mine_.entries.size() && j < theirs_.entries.size()) {
    const RingEntry& mine = mine_.entries[i];
    const RingEntry& theirs = theirs_.entries[j];
    if (mine.token < theirs.token) {
      keep(mine);
      ++i;
    } else if (mine.token > theirs.token) {
      if (splits_mine(theirs) && has_allocations(theirs.token, mine.token)) {
        return entry_in_my_range(theirs);
      }
      take(theirs);
      ++j;
    } else {
      WEFT_TRY(merge_same_token(i, theirs));
      ++i;
      ++j;
    }
  }
  entries_.insert(entries_.end(), mine_.entries.begin() + static_cast<std::ptrdiff_t>(i),
                  mine_.entries.end());
  for (; j < theirs_.entries.size(); ++j) {
    if (splits_mine(theirs_.entries[j])) {
      return entry_in_my_range(theirs_.entries[j]);
    }
    take(theirs_.entries[j]);
  }
  return {};
}

Result<> Merge::merge_same_token(std::size_t index, const RingEntry& theirs) {
  const RingEntry& mine = mine_.entries[index];
  if (mine.version == theirs.version) {
    return merge_same_version(index, theirs);
  }
  if (mine.version > theirs.version) {
    keep(mine);
    return {};
  }
  if (mine.peer != self_) {
    take(theirs);
    return {};
  }
  if (theirs.peer == self_) {
    // An echo of our own past, from before a restart: impose what we know now.
    entries_.push_back(mine);
    entries_.back().version = theirs.version + 1;
    return {};
  }
  if (has_allocations(mine.token, mine_.token_after(index))) {
    return fail(Errc::conflict,
                fmt::format("merge the received ring: Received update for IP range I own at {} "
                            "v{}: incoming message says owner {} v{}",
                            address_text(mine.token), mine.version, to_string(theirs.peer),
                            theirs.version));
  }
  take(theirs);
  return {};
}

Result<> Merge::merge_same_version(std::size_t index, const RingEntry& theirs) {
  const RingEntry& mine = mine_.entries[index];
  if (mine.peer == theirs.peer) {
    keep(mine);
    return {};
  }
  if (mine.peer == self_ && has_allocations(mine.token, mine_.token_after(index))) {
    return fail(
        Errc::conflict,
        fmt::format("merge the received ring: Inconsistent entries for {}: owned by {} but "
                    "incoming message says {}",
                    address_text(mine.token), to_string(mine.peer), to_string(theirs.peer)));
  }
  if (mine.free >= theirs.free) {
    keep(mine);
  } else {
    take(theirs);
  }
  return {};
}

/// "[aa:bb:cc:dd:ee:ff aa:bb:cc:dd:ee:fe]".
std::string names(const std::vector<PeerName>& peers) {
  std::string text;
  for (const PeerName peer : peers) {
    text += (text.empty() ? "" : " ") + to_string(peer);
  }
  return "[" + text + "]";
}

}  // namespace

Result<bool> Ring::merge(const RingState& received, HasAllocations has_allocations) {
  WEFT_TRY(received.check());
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

  Merge merge(state_, received, self_, has_allocations);
  WEFT_TRY(merge.run());
  const bool is_changed = merge.is_changed();

  RingState result{state_.universe, std::move(merge).take_entries(),
                   state_.seeds.empty() ? received.seeds : state_.seeds};
  for (std::size_t i = 0; i < result.entries.size(); ++i) {
    RingEntry& entry = result.entries[i];
    if (entry.peer == self_) {  // one of ours may have been split
      entry.free = std::min(entry.free, result.distance(entry.token, result.token_after(i)));
    }
  }
  if (auto valid = result.check(); !valid) {
    return fail(Errc::conflict,
                "merge the received ring: Merge of incoming data causes: " + valid.error().context);
  }
  state_ = std::move(result);
  return is_changed;
}

}  // namespace weft::ipam
