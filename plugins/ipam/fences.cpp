/// Closes ranges of doubtful origin, and opens them when the doubt is over.

#include "fences.hpp"

#include <algorithm>

namespace weft::ipam {

namespace {

/// The first fence of a sorted list that ends behind `address`.
template <class List>
auto first_behind(List& fences, Address address) {
  return std::ranges::upper_bound(fences, address, {},
                                  [](const Fence& fence) { return fence.range.end; });
}

}  // namespace

Duration Fence::wait() const noexcept {
  if (!is_asked) {
    return quarantine;
  }
  return word == Word::own ? Duration{0} : short_quarantine;
}

void Fences::add(Fence fence) {
  fences_.insert(first_behind(fences_, fence.range.start), fence);
}

void Fences::keep(const AddressSet& owned) {
  std::vector<Fence> kept;
  const std::vector<AddressRange>& ranges = owned.ranges();
  for (const Fence& fence : fences_) {
    for (auto at = std::ranges::upper_bound(ranges, fence.range.start, {}, &AddressRange::end);
         at != ranges.end() && at->start < fence.range.end; ++at) {
      Fence part = fence;
      part.range = intersection(fence.range, *at);
      kept.push_back(part);
    }
  }
  fences_ = std::move(kept);
}

void Fences::replace_lost(UniqueFunction<bool(PeerName)> is_known, PeerName giver,
                          UniqueFunction<bool(AddressRange)> is_asked) {
  for (Fence& fence : fences_) {
    if (fence.kind == Fence::Kind::heard && !is_known(fence.from) && is_asked(fence.range)) {
      fence.from = giver;
      fence.word = Word::hint;
      fence.is_asked = true;
    }
  }
}

bool Fences::told(PeerName from, const AddressSet& claimed, Word word, TimePoint now) {
  bool was_open = false;
  for (Fence& fence : fences_) {
    if (fence.from != from) {
      continue;
    }
    if (claimed.count_in(fence.range) > 0) {
      fence.word = Word::hint;
      fence.since = now;
      if (!fence.is_closed()) {
        fence.kind = Fence::Kind::taken;
        was_open = true;
      }
    } else {
      fence.word = std::max(fence.word, word);
    }
  }
  return was_open;
}

std::uint64_t Fences::give_up_on(PeerName from, TimePoint now) {
  std::uint64_t addresses = 0;
  for (Fence& fence : fences_) {
    if (fence.from == from && fence.kind == Fence::Kind::heard) {
      fence.kind = Fence::Kind::taken;
      fence.since = now;
      addresses += fence.range.size();
    }
  }
  return addresses;
}

bool Fences::open(TimePoint now, UniqueFunction<bool(PeerName)> is_known,
                  UniqueFunction<bool(AddressRange)> is_disputed) {
  bool has_opened = false;
  const auto is_over = [&](Fence& fence) {
    if (!fence.is_closed() || now - fence.since < fence.wait()) {
      return false;
    }
    if (fence.kind == Fence::Kind::heard || is_known(fence.from)) {
      const bool is_agreed = fence.is_granted() && !is_disputed(fence.range);
      has_opened = has_opened || is_agreed;
      return is_agreed;
    }
    fence.kind = Fence::Kind::open;
    has_opened = true;
    return false;
  };
  std::erase_if(fences_, is_over);
  return has_opened;
}

std::optional<TimePoint> Fences::next_opening(TimePoint now) const {
  std::optional<TimePoint> next;
  for (const Fence& fence : fences_) {
    const TimePoint opening = fence.since + fence.wait();
    if (fence.is_closed() && fence.is_granted() && opening > now) {
      next = std::min(opening, next.value_or(opening));
    }
  }
  return next;
}

bool Fences::has_closed() const noexcept {
  return std::ranges::any_of(fences_, &Fence::is_closed);
}

template <class Condition>
bool Fences::any_in(AddressRange range, Condition holds) const {
  for (auto at = first_behind(fences_, range.start);
       at != fences_.end() && at->range.start < range.end; ++at) {
    if (holds(*at)) {
      return true;
    }
  }
  return false;
}

bool Fences::is_closed(AddressRange range) const noexcept {
  return any_in(range, [](const Fence& fence) { return fence.is_closed(); });
}

bool Fences::is_taken_from(PeerName peer, AddressRange range) const noexcept {
  return any_in(range, [peer](const Fence& fence) {
    return fence.from == peer && fence.kind != Fence::Kind::heard;
  });
}

std::uint64_t Fences::closed_addresses() const noexcept {
  std::uint64_t addresses = 0;
  for (const Fence& fence : fences_) {
    addresses += fence.is_closed() ? fence.range.size() : 0;
  }
  return addresses;
}

RingState Fences::stored(AddressRange universe) const {
  RingState stored{universe, {}, {}};
  for (const Fence& fence : fences_) {
    stored.entries.push_back({fence.range.start, fence.from, static_cast<std::uint32_t>(fence.kind),
                              fence.range.size()});
  }
  return stored;
}

void Fences::restore(const RingState& stored, TimePoint now) {
  for (const RingEntry& entry : stored.entries) {
    const AddressRange range{entry.token, entry.token + entry.free};
    if (!range.is_empty() && entry.version <= static_cast<std::uint32_t>(Fence::Kind::open)) {
      add({range, entry.peer, static_cast<Fence::Kind>(entry.version), now});
    }
  }
}

}  // namespace weft::ipam
