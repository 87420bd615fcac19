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

void Fences::replace_lost(UniqueFunction<bool(PeerName)> is_known, PeerName giver) {
  for (Fence& fence : fences_) {
    if (fence.kind == Fence::Kind::heard && !is_known(fence.from)) {
      fence.from = giver;
      fence.is_asked = true;
    }
  }
}

void Fences::granted(PeerName from, const RingState& told) {
  if (told.entries.empty() || std::ranges::find(fences_, from, &Fence::from) == fences_.end()) {
    return;
  }
  AddressSet claimed;
  for (std::size_t i = 0; i < told.entries.size(); ++i) {
    if (told.entries[i].peer == from) {
      for (const AddressRange range : told.ranges(told.entries[i].token, told.token_after(i))) {
        claimed.add(range);
      }
    }
  }
  for (Fence& fence : fences_) {
    if (fence.from == from) {
      fence.is_granted = claimed.count_in(fence.range) == 0;
    }
  }
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

bool Fences::open(TimePoint now, UniqueFunction<bool(PeerName)> is_known) {
  bool has_opened = false;
  const auto is_over = [&](Fence& fence) {
    const bool is_young = now - fence.since < quarantine;
    if (!fence.is_closed() || (is_young && !(fence.is_asked && fence.is_granted))) {
      return false;
    }
    if (fence.kind == Fence::Kind::heard || is_known(fence.from)) {
      has_opened = has_opened || fence.is_granted;
      return fence.is_granted;
    }
    fence.kind = Fence::Kind::open;
    has_opened = true;
    return false;
  };
  std::erase_if(fences_, is_over);
  return has_opened;
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
