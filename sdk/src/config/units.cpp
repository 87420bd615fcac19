/// A number and a unit, both ways, for durations and sizes.

#include "config/units.hpp"

#include <charconv>
#include <limits>
#include <span>

#include <fmt/core.h>

namespace weft::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first: formatting takes the first that divides.
constexpr std::array<Unit, 4> duration_units{
    {{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 5> size_units{{{"TiB", 1ULL << 40U},
                                          {"GiB", 1ULL << 30U},
                                          {"MiB", 1ULL << 20U},
                                          {"KiB", 1ULL << 10U},
                                          {"B", 1}}};

/// `text` in the smallest unit; nothing when it is no number with a known unit, or exceeds `limit`.
std::optional<std::uint64_t> parse_quantity(std::string_view text, std::span<const Unit> units,
                                            std::uint64_t limit) {
  std::uint64_t number = 0;
  const char* const text_end = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), text_end, number);
  if (error != std::errc{}) {
    return std::nullopt;
  }
  const std::string_view name(end, static_cast<std::size_t>(text_end - end));
  for (const Unit& unit : units) {
    if (unit.name == name && number <= limit / unit.factor) {
      return number * unit.factor;
    }
  }
  return std::nullopt;
}

std::string format_quantity(std::uint64_t value, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) {
      return fmt::format("{}{}", value / unit.factor, unit.name);
    }
  }
  return {};
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto value = parse_quantity(text, duration_units, std::numeric_limits<std::int64_t>::max());
  if (!value) {
    return fail(Errc::invalid,
                fmt::format("read duration \"{}\": want a number with a unit, like \"250ms\", "
                            "\"10s\", \"5m\" or \"1h\"",
                            text));
  }
  return std::chrono::milliseconds{static_cast<std::int64_t>(*value)};
}

std::string format_duration(std::chrono::milliseconds value) {
  const auto count = static_cast<std::uint64_t>(value.count());
  return count == 0 ? "0s" : format_quantity(count, duration_units);
}

Result<ByteSize> parse_byte_size(std::string_view text) {
  const auto value = parse_quantity(text, size_units, std::numeric_limits<std::uint64_t>::max());
  if (!value) {
    return fail(Errc::invalid,
                fmt::format("read size \"{}\": want a number with a unit, like \"512B\", "
                            "\"64KiB\", \"10MiB\" or \"1GiB\"",
                            text));
  }
  return ByteSize{*value};
}

std::string format_byte_size(ByteSize size) {
  return size.bytes == 0 ? "0B" : format_quantity(size.bytes, size_units);
}

}  // namespace weft::config
