/// Range arithmetic: aligned blocks, prefixes, and a set of addresses with union and difference.

#include "address_range.hpp"

#include <bit>

#include <fmt/core.h>

namespace weft::ipam {

namespace {

std::uint8_t prefix_length_of(std::uint32_t power_of_two) noexcept {
  return static_cast<std::uint8_t>(32 - std::countr_zero(power_of_two));
}

/// The biggest aligned block that begins at the start of a non-empty range.
std::uint32_t block_at_start(AddressRange range) noexcept {
  const std::uint32_t fits = std::bit_floor(range.size());
  const std::uint32_t alignment = range.start & (~range.start + 1);  // lowest set bit, 0 for 0
  return alignment == 0 ? fits : std::min(fits, alignment);
}

}  // namespace

AddressRange range_of(const net::Cidr& subnet) noexcept {
  const Address start = subnet.network().address.v4_value();
  const std::uint64_t size = std::uint64_t{1} << (32U - subnet.prefix_length);
  const std::uint64_t end = start + size;
  return {start, end > UINT32_MAX ? 0 : static_cast<Address>(end)};
}

AddressRange host_range_of(const net::Cidr& subnet) noexcept {
  const AddressRange all = range_of(subnet);
  return all.size() < 2 ? AddressRange{} : AddressRange{all.start + 1, all.end - 1};
}

AddressRange biggest_aligned_block(AddressRange range) noexcept {
  const std::uint32_t whole = std::bit_floor(range.size());
  const std::uint32_t past = range.start & (whole - 1);
  if (past == 0) {
    return {range.start, range.start + whole};
  }
  if (whole - past <= range.size() - whole) {
    const Address start = range.start + whole - past;
    return {start, start + whole};
  }
  const std::uint32_t half = whole / 2;
  const Address start = range.start + (half >= past ? half : whole) - past;
  return {start, start + half};
}

std::vector<net::Cidr> fewest_prefixes(std::span<const AddressRange> ranges) {
  AddressSet glued;
  for (const AddressRange range : ranges) {
    glued.add(range);
  }
  std::vector<net::Cidr> prefixes;
  for (AddressRange rest : glued.ranges()) {
    while (!rest.is_empty()) {
      const std::uint32_t block = block_at_start(rest);
      prefixes.push_back({net::IpAddress::v4(rest.start), prefix_length_of(block)});
      rest.start += block;
    }
  }
  return prefixes;
}

std::string address_text(Address address) {
  return net::to_string(net::IpAddress::v4(address));
}

std::string to_string(AddressRange range) {
  if (range.is_empty()) {
    return fmt::format("{}-{} (empty)", address_text(range.start), address_text(range.end));
  }
  if (block_at_start(range) == range.size()) {
    return fmt::format("{}/{}", address_text(range.start), prefix_length_of(range.size()));
  }
  return fmt::format("{}-{}", address_text(range.start), address_text(range.end - 1));
}

void AddressSet::add(AddressRange range) {
  if (range.is_empty()) {
    return;
  }
  // Everything that overlaps or touches the new range melts into it.
  const auto first = std::ranges::lower_bound(ranges_, range.start, {}, &AddressRange::end);
  const auto last =
      std::ranges::upper_bound(first, ranges_.end(), range.end, {}, &AddressRange::start);
  if (first != last) {
    range.start = std::min(range.start, first->start);
    range.end = std::max(range.end, std::prev(last)->end);
  }
  ranges_.insert(ranges_.erase(first, last), range);
}

void AddressSet::remove(AddressRange range) {
  if (range.is_empty()) {
    return;
  }
  const auto first = std::ranges::upper_bound(ranges_, range.start, {}, &AddressRange::end);
  const auto last =
      std::ranges::lower_bound(first, ranges_.end(), range.end, {}, &AddressRange::start);
  if (first == last) {
    return;
  }
  const AddressRange before{first->start, range.start};
  const AddressRange behind{range.end, std::prev(last)->end};
  auto at = ranges_.erase(first, last);
  for (const AddressRange rest : {behind, before}) {
    if (!rest.is_empty()) {
      at = ranges_.insert(at, rest);
    }
  }
}

bool AddressSet::contains(Address address) const noexcept {
  const auto after = std::ranges::upper_bound(ranges_, address, {}, &AddressRange::start);
  return after != ranges_.begin() && std::prev(after)->contains(address);
}

std::uint32_t AddressSet::count_in(AddressRange range) const noexcept {
  std::uint32_t sum = 0;
  for (auto at = std::ranges::upper_bound(ranges_, range.start, {}, &AddressRange::end);
       at != ranges_.end() && at->start < range.end; ++at) {
    sum += intersection(*at, range).size();
  }
  return sum;
}

std::uint32_t AddressSet::count() const noexcept {
  std::uint32_t sum = 0;
  for (const AddressRange have : ranges_) {
    sum += have.size();
  }
  return sum;
}

}  // namespace weft::ipam
