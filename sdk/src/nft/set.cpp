/// Orders and compares elements.

#include <weft/nft/set.hpp>

#include <algorithm>
#include <cstddef>
#include <tuple>

namespace weft::nft {
namespace {

bool is_before(const Element& a, const Element& b) {
  return std::tie(a.first, a.last) < std::tie(b.first, b.last);
}

/// What `these` have and `those` lack.
std::vector<Element> missing(std::span<const Element> those, std::span<const Element> these) {
  std::vector<Element> result;
  auto other = those.begin();
  for (const Element& element : these) {
    while (other != those.end() && is_before(*other, element)) {
      ++other;
    }
    if (other == those.end() || *other != element) {
      result.push_back(element);
    }
  }
  return result;
}

}  // namespace

Element range_of(const net::Cidr& network) {
  const net::Cidr whole = network.network();
  const ByteView first = whole.address.bytes();
  Bytes last(first.begin(), first.end());
  for (std::size_t bit = network.prefix_length; bit < last.size() * 8; ++bit) {
    last[bit / 8] |= std::byte{0x80} >> (bit % 8);
  }
  return {Bytes(first.begin(), first.end()), std::move(last)};
}

void normalize(std::vector<Element>& elements) {
  for (Element& element : elements) {
    if (element.last == element.first) {
      element.last.clear();
    }
  }
  std::ranges::sort(elements, is_before);
}

Difference difference(std::span<const Element> from, std::span<const Element> to) {
  return {missing(from, to), missing(to, from)};
}

}  // namespace weft::nft
