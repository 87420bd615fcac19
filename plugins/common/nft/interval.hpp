#pragma once
/// Sets of IPv4 addresses as the kernel's interval sets hold them.

#include <cstdint>
#include <span>
#include <vector>

#include <weft/net/ip.hpp>

namespace weft::nft {

/// The addresses `first` to `last`, both included, in host order.
struct Interval {
  std::uint32_t first = 0;
  std::uint32_t last = 0;

  auto operator<=>(const Interval&) const = default;
};

/// The fewest intervals that cover `networks`: sorted, disjoint, never adjacent. This is what
/// nftables calls auto-merge. IPv6 prefixes are skipped: the table is of family ip.
[[nodiscard]] std::vector<Interval> merge(std::span<const net::Cidr> networks);

/// The fewest prefixes that cover exactly `interval`, in ascending order.
[[nodiscard]] std::vector<net::Cidr> prefixes(Interval interval);

/// What turns one set into another.
struct Difference {
  std::vector<Interval> added;
  std::vector<Interval> removed;

  [[nodiscard]] bool is_empty() const noexcept { return added.empty() && removed.empty(); }
  bool operator==(const Difference&) const = default;
};

/// Both sides sorted.
[[nodiscard]] Difference difference(std::span<const Interval> from, std::span<const Interval> to);

}  // namespace weft::nft
