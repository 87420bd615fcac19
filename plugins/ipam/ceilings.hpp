#pragma once
/// How far counters that peers raise may have come by now. A counter of 32 bits that anybody may
/// raise has an end, and who pushes it there stops it for good. So what is ahead of a clock is
/// refused: honest peers never count that fast, and whatever was pushed as far as it goes, its
/// owner can outbid a moment later. Pure.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

#include <weft/loop.hpp>

namespace weft::ipam {

/// What any entry may have reached before the clock counts: eight changes a second for a year.
inline constexpr std::uint32_t version_base = std::uint32_t{1} << 28U;
/// Versions a second that the ceiling rises. It gets to the end of 32 bits in the year 2057.
inline constexpr std::int64_t versions_per_second = 4;
/// 2026-01-01, in Unix seconds: where the ceiling starts to rise.
inline constexpr std::int64_t ceiling_epoch = 1'767'225'600;
/// Never reached by the ceiling, so that adding to what is below it does not overflow.
inline constexpr std::uint32_t highest_version =
    std::numeric_limits<std::uint32_t>::max() - (std::uint32_t{1} << 20U);
/// Rounds of a vote a second that their ceiling rises, from 1970 on; peers start one in 5 s.
inline constexpr std::uint64_t rounds_per_second = std::uint64_t{1} << 20U;

[[nodiscard]] inline std::int64_t unix_seconds(WallTime now) noexcept {
  return std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
}

/// The highest version of a ring entry that is believed at `now`. Clocks of peers may differ: what
/// one believes too early the others believe a little later.
[[nodiscard]] inline std::uint32_t version_ceiling(WallTime now) noexcept {
  const std::int64_t seconds = std::max<std::int64_t>(unix_seconds(now) - ceiling_epoch, 0);
  const std::int64_t risen = version_base + seconds * versions_per_second;
  return static_cast<std::uint32_t>(std::min<std::int64_t>(risen, highest_version));
}

/// The highest round of a vote that is believed at `now`.
[[nodiscard]] inline std::uint64_t round_ceiling(WallTime now) noexcept {
  const std::int64_t seconds = std::max<std::int64_t>(unix_seconds(now), 1);
  return static_cast<std::uint64_t>(seconds) * rounds_per_second;
}

/// `version + step`, or the last version there is.
[[nodiscard]] inline std::uint32_t raised(std::uint32_t version, std::uint32_t step = 1) noexcept {
  const std::uint32_t last = std::numeric_limits<std::uint32_t>::max();
  return version > last - step ? last : version + step;
}

}  // namespace weft::ipam
