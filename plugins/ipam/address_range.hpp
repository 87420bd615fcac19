#pragma once
/// Half-open ranges of IPv4 addresses, as integers in host order, and sets of them. Values: no I/O.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <weft/net/ip.hpp>

namespace weft::ipam {

/// An IPv4 address in host order: 0x0A200001 is 10.32.0.1.
using Address = std::uint32_t;

/// `[start, end)`. Empty when `start >= end`.
struct AddressRange {
  Address start = 0;
  Address end = 0;

  bool operator==(const AddressRange&) const = default;

  [[nodiscard]] bool is_empty() const noexcept { return start >= end; }
  [[nodiscard]] std::uint32_t size() const noexcept { return is_empty() ? 0 : end - start; }
  [[nodiscard]] bool contains(Address address) const noexcept {
    return start <= address && address < end;
  }
  [[nodiscard]] bool overlaps(AddressRange other) const noexcept {
    return std::max(start, other.start) < std::min(end, other.end);
  }
};

/// The range of one address.
[[nodiscard]] inline AddressRange single(Address address) noexcept {
  return {address, address + 1};
}

/// The part that both ranges have; may be empty.
[[nodiscard]] inline AddressRange intersection(AddressRange a, AddressRange b) noexcept {
  return {std::max(a.start, b.start), std::min(a.end, b.end)};
}

/// Every address of an IPv4 subnet. A subnet that ends with 255.255.255.255 gives an empty range,
/// because its end does not fit.
[[nodiscard]] AddressRange range_of(const net::Cidr& subnet) noexcept;

/// The addresses of a subnet that a host may have: without the first and the last.
[[nodiscard]] AddressRange host_range_of(const net::Cidr& subnet) noexcept;

/// The biggest aligned power-of-two block inside a non-empty range.
/// Source: weaveworks/weave net/address/address.go, BiggestCIDRRange.
[[nodiscard]] AddressRange biggest_aligned_block(AddressRange range) noexcept;

/// The fewest prefixes that cover `ranges` (sorted, disjoint) exactly.
[[nodiscard]] std::vector<net::Cidr> fewest_prefixes(std::span<const AddressRange> ranges);

/// "10.32.0.0/12" when the range is a prefix, else "10.32.0.0-10.32.0.6" with the last address.
[[nodiscard]] std::string to_string(AddressRange range);

/// "10.32.0.1".
[[nodiscard]] std::string address_text(Address address);

/// A set of addresses, kept as sorted, disjoint, non-adjacent ranges.
class AddressSet {
 public:
  bool operator==(const AddressSet&) const = default;

  void add(AddressRange range);
  void remove(AddressRange range);
  void clear() noexcept { ranges_.clear(); }

  [[nodiscard]] bool contains(Address address) const noexcept;
  /// How many addresses of `range` are in the set.
  [[nodiscard]] std::uint32_t count_in(AddressRange range) const noexcept;
  [[nodiscard]] std::uint32_t count() const noexcept;
  [[nodiscard]] const std::vector<AddressRange>& ranges() const noexcept { return ranges_; }

 private:
  std::vector<AddressRange> ranges_;
};

}  // namespace weft::ipam
