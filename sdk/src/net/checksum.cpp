/// Sums long runs of octets, several words at a time.

#include <weft/net/checksum.hpp>

#include <algorithm>

namespace weft::net {
namespace {

// As wide as every processor of the kind has registers, and as AVX2 has.
using Narrow = std::uint64_t __attribute__((vector_size(16)));
using Broad = std::uint64_t __attribute__((vector_size(32)));

enum class Copying : bool { no, yes };

/// The native sum of the 32-bit words of [from, from + count), an odd rest filled up with zeros.
template <class Vector, Copying copying>
[[gnu::always_inline]] inline std::uint64_t sum(std::byte* to, const std::byte* from,
                                                std::size_t count) noexcept {
  constexpr std::size_t step = sizeof(Vector);
  Vector low{};
  Vector high{};
  for (; count >= 2 * step; count -= 2 * step) {
    Vector first;
    Vector second;
    std::memcpy(&first, from, step);
    std::memcpy(&second, from + step, step);
    if constexpr (copying == Copying::yes) {
      std::memcpy(to, &first, step);
      std::memcpy(to + step, &second, step);
      to += 2 * step;
    }
    low += (first & 0xFFFFFFFFU) + (second & 0xFFFFFFFFU);
    high += (first >> 32U) + (second >> 32U);
    from += 2 * step;
  }
  low += high;
  std::uint64_t total = 0;
  std::uint64_t parts[step / sizeof(std::uint64_t)];
  std::memcpy(parts, &low, sizeof parts);
  for (const std::uint64_t part : parts) {
    total += part;
  }
  const auto take = [&](std::uint32_t& word, std::size_t some) __attribute__((always_inline)) {
    std::memcpy(&word, from, some);
    if constexpr (copying == Copying::yes) {
      std::memcpy(to, &word, some);
      to += some;
    }
    total += word;
    from += some;
    count -= some;
  };
  while (count >= sizeof(std::uint32_t)) {
    std::uint32_t word;
    take(word, sizeof word);
  }
  if (count >= sizeof(std::uint16_t)) {
    std::uint32_t word = 0;
    take(word, sizeof(std::uint16_t));
  }
  if (count != 0) {
    std::uint32_t word = 0;
    take(word, 1);
  }
  return total;
}

using Sum = std::uint64_t (*)(const std::byte* from, std::size_t count) noexcept;
using CopySum = std::uint64_t (*)(std::byte* to, const std::byte* from, std::size_t count) noexcept;

std::uint64_t sum_anywhere(const std::byte* from, std::size_t count) noexcept {
  return sum<Narrow, Copying::no>(nullptr, from, count);
}
std::uint64_t copy_anywhere(std::byte* to, const std::byte* from, std::size_t count) noexcept {
  return sum<Narrow, Copying::yes>(to, from, count);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] std::uint64_t sum_avx2(const std::byte* from, std::size_t count) noexcept {
  return sum<Broad, Copying::no>(nullptr, from, count);
}
[[gnu::target("avx2")]] std::uint64_t copy_avx2(std::byte* to, const std::byte* from,
                                                std::size_t count) noexcept {
  return sum<Broad, Copying::yes>(to, from, count);
}
const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
const Sum best_sum = has_avx2 ? sum_avx2 : sum_anywhere;
const CopySum best_copy = has_avx2 ? copy_avx2 : copy_anywhere;
#else
constexpr Sum best_sum = sum_anywhere;
constexpr CopySum best_copy = copy_anywhere;
#endif

}  // namespace

std::uint64_t InternetChecksum::sum_long(ByteView octets) noexcept {
  return best_sum(octets.data(), octets.size());
}

InternetChecksum& InternetChecksum::add_copying(std::byte* to, ByteView octets) noexcept {
  sum_ = fold(Wide{sum_} + best_copy(to, octets.data(), octets.size()));
  return *this;
}

}  // namespace weft::net
