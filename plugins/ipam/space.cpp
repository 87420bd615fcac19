/// Keeps the allocated and free addresses of this node, and picks what to donate.

#include "space.hpp"

namespace weft::ipam {

void Space::set_owned(std::span<const AddressRange> owned) {
  free_.clear();
  for (const AddressRange range : owned) {
    free_.add(range);
  }
  for (const AddressRange range : allocated_.ranges()) {
    free_.remove(range);
  }
}

std::optional<Address> Space::allocate(AddressRange range) {
  for (const AddressRange chunk : free_.ranges()) {
    const AddressRange usable = intersection(chunk, range);
    if (!usable.is_empty()) {
      allocated_.add(single(usable.start));
      free_.remove(single(usable.start));
      return usable.start;
    }
  }
  return std::nullopt;
}

bool Space::claim(Address address) {
  if (!free_.contains(address)) {
    return false;
  }
  allocated_.add(single(address));
  free_.remove(single(address));
  return true;
}

void Space::release(Address address) {
  if (allocated_.contains(address)) {
    allocated_.remove(single(address));
    free_.add(single(address));
  }
}

void Space::forget(Address address) {
  allocated_.remove(single(address));
  free_.remove(single(address));
}

std::optional<AddressRange> Space::donate(AddressRange range) {
  AddressRange best;
  for (const AddressRange chunk : free_.ranges()) {
    const AddressRange usable = intersection(chunk, range);
    if (usable.is_empty() || usable.size() < best.size()) {
      continue;
    }
    const AddressRange block = biggest_aligned_block(usable);
    if (block.size() >= best.size()) {
      best = block;
    }
  }
  if (best.is_empty()) {
    return std::nullopt;
  }
  if (best.size() > free_.count_in(range) / 2) {
    best.start += best.size() / 2;  // rounds down: a single address is given whole
  }
  free_.remove(best);
  return best;
}

bool Space::has_allocations(std::span<const AddressRange> ranges) const noexcept {
  return std::ranges::any_of(ranges,
                             [this](AddressRange range) { return allocated_.count_in(range) > 0; });
}

}  // namespace weft::ipam
