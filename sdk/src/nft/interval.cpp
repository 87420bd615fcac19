/// Merges prefixes into intervals and splits intervals into prefixes.

#include <weft/nft/interval.hpp>

#include <algorithm>
#include <bit>

#include <weft/bytes.hpp>

namespace weft::nft {
namespace {

Interval interval_of(const net::Cidr& cidr) {
  const std::uint32_t first = cidr.network().address.v4_value();
  const std::uint32_t host_bits =
      cidr.prefix_length == 0 ? UINT32_MAX : (1U << (32U - cidr.prefix_length)) - 1U;
  return {first, first | host_bits};
}

}  // namespace

std::vector<Interval> merge(std::span<const net::Cidr> networks) {
  std::vector<Interval> sorted;
  for (const net::Cidr& network : networks) {
    if (network.address.is_v4()) {
      sorted.push_back(interval_of(network));
    }
  }
  std::sort(sorted.begin(), sorted.end());

  std::vector<Interval> merged;
  for (const Interval& next : sorted) {
    const bool touches = !merged.empty() &&
                         (merged.back().last == UINT32_MAX || next.first <= merged.back().last + 1);
    if (touches) {
      merged.back().last = std::max(merged.back().last, next.last);
    } else {
      merged.push_back(next);
    }
  }
  return merged;
}

std::vector<net::Cidr> prefixes(Interval interval) {
  std::vector<net::Cidr> result;
  std::uint64_t next = interval.first;
  const std::uint64_t end = std::uint64_t{interval.last} + 1;
  while (next < end) {
    // The largest block that starts here: as aligned as `next`, no longer than what is left.
    const int alignment = next == 0 ? 32 : std::countr_zero(next);
    const int room = static_cast<int>(std::bit_width(end - next)) - 1;
    const int host_bits = std::min({alignment, room, 32});
    result.push_back({net::IpAddress::v4(static_cast<std::uint32_t>(next)),
                      static_cast<std::uint8_t>(32 - host_bits)});
    next += std::uint64_t{1} << static_cast<unsigned>(host_bits);
  }
  return result;
}

std::vector<Element> elements_of(std::span<const Interval> intervals) {
  std::vector<Element> elements;
  elements.reserve(intervals.size());
  for (const Interval& interval : intervals) {
    elements.push_back({key_of({net::IpAddress::v4(interval.first).bytes()}),
                        key_of({net::IpAddress::v4(interval.last).bytes()})});
  }
  normalize(elements);
  return elements;
}

std::vector<Interval> intervals_of(std::span<const Element> elements) {
  std::vector<Interval> intervals;
  for (const Element& element : elements) {
    if (element.first.size() == sizeof(std::uint32_t)) {
      const Bytes& last = element.last.empty() ? element.first : element.last;
      intervals.push_back(
          {load_be<std::uint32_t>(element.first.data()), load_be<std::uint32_t>(last.data())});
    }
  }
  return intervals;
}

}  // namespace weft::nft
