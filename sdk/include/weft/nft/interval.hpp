#pragma once
/// Sets of IPv4 addresses as the fewest ranges.

#include <cstdint>
#include <span>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/nft/set.hpp>

namespace weft::nft {

/// The addresses `first` to `last`, both included, in host order.
struct Interval {
  std::uint32_t first = 0;
  std::uint32_t last = 0;

  auto operator<=>(const Interval&) const = default;
};

/// The fewest intervals that cover `networks`: sorted, disjoint, never adjacent. This is what
/// nftables calls auto-merge. IPv6 prefixes are skipped.
[[nodiscard]] std::vector<Interval> merge(std::span<const net::Cidr> networks);

/// The fewest prefixes that cover exactly `interval`, in ascending order.
[[nodiscard]] std::vector<net::Cidr> prefixes(Interval interval);

/// As normalized elements of a set of IPv4 addresses, and back.
[[nodiscard]] std::vector<Element> elements_of(std::span<const Interval> intervals);
[[nodiscard]] std::vector<Interval> intervals_of(std::span<const Element> elements);

}  // namespace weft::nft
