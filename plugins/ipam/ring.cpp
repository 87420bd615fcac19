/// The ring's invariants and everything that changes it locally; ring_merge.cpp merges.

#include "ring.hpp"

#include <map>

#include <fmt/core.h>

#include "ceilings.hpp"

namespace weft::ipam {

namespace {

/// Added to an entry's version on a transfer, so that it wins against the former owner's last free
/// count reports. Source: weaveworks/weave ipam/ring/ring.go, Transfer.
constexpr std::uint32_t transfer_version_step = 100;

auto entry_at(std::vector<RingEntry>& entries, Address token) {
  return std::ranges::lower_bound(entries, token, {}, &RingEntry::token);
}

/// The index of the entry that covers `address`; the last one covers what is before the first.
std::size_t covering_index(const std::vector<RingEntry>& entries, Address address) noexcept {
  const auto after = std::ranges::upper_bound(entries, address, {}, &RingEntry::token);
  const auto past = static_cast<std::size_t>(after - entries.begin());
  return (past + entries.size() - 1) % entries.size();
}

}  // namespace

Result<> RingState::check() const {
  for (std::size_t i = 1; i < entries.size(); ++i) {
    if (entries[i - 1].token > entries[i].token) {
      return fail(Errc::malformed, "accept the ring: Ring not sorted");
    }
  }
  for (std::size_t i = 1; i < entries.size(); ++i) {
    if (entries[i - 1].token == entries[i].token) {
      return fail(Errc::malformed, "accept the ring: Token appears twice in ring");
    }
  }
  if (entries.empty()) {
    return {};
  }
  if (entries.front().token < universe.start || entries.back().token >= universe.end) {
    return fail(Errc::malformed, "accept the ring: Token is out of range");
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Address next = token_after(i);
    const std::uint32_t most = distance(entries[i].token, next);
    if (entries[i].free > most) {
      return fail(
          Errc::malformed,
          fmt::format("accept the ring: Entry {}-{} reporting too much free space: {} > {}",
                      address_text(entries[i].token), address_text(next), entries[i].free, most));
    }
  }
  return {};
}

AddressSet RingState::claims(PeerName peer) const {
  AddressSet claimed;
  const RingEntry* first = nullptr;
  const RingEntry* last = nullptr;
  for (const RingEntry& entry : entries) {
    if (!universe.contains(entry.token) || (last != nullptr && entry.token <= last->token)) {
      continue;
    }
    if (last != nullptr && last->peer == peer) {
      claimed.add({last->token, entry.token});
    }
    first = first == nullptr ? &entry : first;
    last = &entry;
  }
  if (last != nullptr && last->peer == peer) {
    for (const AddressRange range : ranges(last->token, first->token)) {
      claimed.add(range);
    }
  }
  return claimed;
}

std::uint32_t RingState::distance(Address a, Address b) const noexcept {
  return b > a ? b - a : (universe.end - a) + (b - universe.start);
}

std::vector<AddressRange> RingState::ranges(Address a, Address b) const {
  if (b == universe.start) {
    return {{a, universe.end}};
  }
  if (b <= a) {
    return {{universe.start, b}, {a, universe.end}};
  }
  return {{a, b}};
}

Result<> Ring::restore(RingState stored) {
  if (stored.universe != state_.universe) {
    return fail(Errc::conflict,
                fmt::format("restore the ring of {}: the range is {}", to_string(stored.universe),
                            to_string(state_.universe)));
  }
  WEFT_TRY(stored.check());
  state_ = std::move(stored);
  return {};
}

void Ring::divide(const std::vector<PeerName>& peers) {
  WEFT_CHECK(is_empty() && !peers.empty(), "only an empty ring is divided, among somebody");
  divide(state_.universe, peers);
  state_.seeds = peers;
}

// Source: weaveworks/weave ipam/ring/ring.go, subdivide.
void Ring::divide(AddressRange range, std::span<const PeerName> peers) {
  const std::uint32_t share = range.size();
  if (share == 0) {
    return;
  }
  if (share == 1 || peers.size() == 1) {
    state_.entries.push_back({range.start, peers.front(), 0, share});
    return;
  }
  const Address middle = range.start + share / 2;
  divide({range.start, middle}, peers.first(peers.size() / 2));
  divide({middle + share % 2, range.end}, peers.subspan(peers.size() / 2));
}

// Source: weaveworks/weave ipam/ring/ring.go, GrantRangeToHost.
void Ring::grant(AddressRange range, PeerName peer) {
  WEFT_CHECK(!is_empty() && !range.is_empty() && range.start >= universe().start &&
                 range.end <= universe().end,
             "a granted range is not empty and lies inside the ring");
  auto& entries = state_.entries;
  const std::size_t covering = covering_index(entries, range.start);
  WEFT_CHECK(entries[covering].peer == self_, "only the owner grants a range");

  const Address covering_token = entries[covering].token;
  if (covering_token != range.start) {
    const std::uint32_t length = state_.distance(range.start, state_.token_after(covering));
    RingEntry& before = entries[covering];
    before.free = state_.distance(covering_token, range.start);
    before.version = raised(before.version);
    entries.insert(entry_at(entries, range.start),
                   {range.start, peer, 0, std::min(length, range.size())});
  }

  auto at = entry_at(entries, range.start);
  if (covering_token == range.start) {
    const auto index = static_cast<std::size_t>(at - entries.begin());
    *at = {range.start, peer, raised(at->version),
           std::min(state_.distance(range.start, state_.token_after(index)), range.size())};
  }
  for (++at; at != entries.end() && at->token < range.end; ++at) {
    WEFT_CHECK(at->peer == self_, "only the owner grants a range");
    *at = {at->token, peer, raised(at->version),
           std::min(at->free, state_.distance(at->token, range.end))};
  }

  // The end of the universe is its start: no entry has the end as its token.
  const Address end = range.end == universe().end ? universe().start : range.end;
  const Address next = at == entries.end() ? entries.front().token : at->token;
  const auto rest = entry_at(entries, end);
  if (rest == entries.end() || rest->token != end) {
    entries.insert(rest, {end, self_, 0, state_.distance(end, next)});
  }
}

void Ring::cut_out(AddressRange range) {
  auto& entries = state_.entries;
  for (const Address end :
       {range.start, range.end == universe().end ? universe().start : range.end}) {
    RingEntry& covering = entries[covering_index(entries, end)];
    if (covering.token == end || covering.peer != self_) {
      continue;
    }
    covering.version = raised(covering.version);
    covering.free = std::min(covering.free, state_.distance(covering.token, end));
    entries.insert(entry_at(entries, end), {end, self_, 0, 0});
  }
}

std::vector<AddressRange> Ring::transfer(PeerName from, PeerName to) {
  std::vector<AddressRange> moved = owned_ranges(from);
  for (RingEntry& entry : state_.entries) {
    if (entry.peer == from) {
      entry.peer = to;
      entry.version = raised(entry.version, transfer_version_step);
    }
  }
  return moved;
}

void Ring::report_free(UniqueFunction<std::optional<std::uint32_t>(AddressRange)> free_in) {
  for (std::size_t i = 0; i < state_.entries.size(); ++i) {
    RingEntry& entry = state_.entries[i];
    if (entry.peer != self_) {
      continue;
    }
    std::optional<std::uint32_t> free = 0;
    for (const AddressRange range : state_.ranges(entry.token, state_.token_after(i))) {
      const auto counted = free_in(range);
      free = free && counted ? std::optional(*free + *counted) : std::nullopt;
    }
    if (free && entry.free != *free) {
      entry.free = *free;
      entry.version = raised(entry.version);
    }
  }
}

std::vector<Ring::Candidate> Ring::candidates(AddressRange range) const {
  std::map<PeerName, std::uint64_t> free;
  for (std::size_t i = 0; i < state_.entries.size(); ++i) {
    const RingEntry& entry = state_.entries[i];
    const bool is_overlapping =
        std::ranges::any_of(state_.ranges(entry.token, state_.token_after(i)),
                            [range](AddressRange part) { return part.overlaps(range); });
    if (entry.peer != self_ && entry.free > 0 && is_overlapping) {
      free[entry.peer] += entry.free;
    }
  }
  std::vector<Candidate> found;
  for (const auto& [peer, addresses] : free) {
    found.push_back({peer, addresses});
  }
  return found;
}

std::optional<PeerName> Ring::owner(Address address) const noexcept {
  if (is_empty()) {
    return std::nullopt;
  }
  return state_.entries[covering_index(state_.entries, address)].peer;
}

bool Ring::is_ahead_of(PeerName peer, const RingState& told,
                       const AddressSet& claimed) const noexcept {
  const auto& entries = state_.entries;
  for (const AddressRange range : claimed.ranges()) {
    const auto first = std::ranges::upper_bound(entries, range.start, {}, &RingEntry::token);
    const auto last = std::ranges::lower_bound(entries, range.end, {}, &RingEntry::token);
    if (owner(range.start) != peer ||
        std::any_of(first, last, [peer](const RingEntry& ours) { return ours.peer != peer; })) {
      return true;
    }
  }
  return std::ranges::any_of(told.entries, [&](const RingEntry& theirs) {
    const auto ours = std::ranges::lower_bound(entries, theirs.token, {}, &RingEntry::token);
    return theirs.peer == peer && ours != entries.end() && ours->token == theirs.token &&
           ours->version > theirs.version;
  });
}

std::vector<AddressRange> Ring::owned_ranges(PeerName peer) const {
  std::vector<AddressRange> owned;
  for (std::size_t i = 0; i < state_.entries.size(); ++i) {
    if (state_.entries[i].peer == peer) {
      const auto parts = state_.ranges(state_.entries[i].token, state_.token_after(i));
      owned.insert(owned.end(), parts.begin(), parts.end());
    }
  }
  std::ranges::sort(owned, {}, &AddressRange::start);  // a wrapping entry's first part comes last
  return owned;
}

std::vector<PeerName> Ring::owners() const {
  std::vector<PeerName> owners;
  for (const RingEntry& entry : state_.entries) {
    owners.push_back(entry.peer);
  }
  std::ranges::sort(owners);
  owners.erase(std::ranges::unique(owners).begin(), owners.end());
  return owners;
}

bool Ring::mentions(PeerName peer) const noexcept {
  return std::ranges::any_of(state_.entries,
                             [peer](const RingEntry& entry) { return entry.peer == peer; });
}

}  // namespace weft::ipam
