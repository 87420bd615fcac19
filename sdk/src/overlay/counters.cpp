/// Names and registers an overlay's metrics.

#include <weft/overlay/counters.hpp>

#include <array>

#include <fmt/core.h>

namespace weft::overlay {

std::string_view to_string(Drop reason) noexcept {
  constexpr std::array<std::string_view, static_cast<std::size_t>(Drop::count_)> names{
      "malformed", "unknown_connection", "bad_control", "too_big",
      "no_buffer", "would_block",        "send_failed"};
  return names[static_cast<std::size_t>(reason)];
}

Counters::Counters(Metrics& metrics, std::string_view name)
    : DropCounters(metrics, fmt::format("weft_{}_dropped_total", name)),
      frames_in(metrics.counter(fmt::format("weft_{}_frames_total", name), "Frames carried.",
                                {{"direction", "in"}})),
      frames_out(metrics.counter(fmt::format("weft_{}_frames_total", name), "Frames carried.",
                                 {{"direction", "out"}})),
      copies(metrics.counter(fmt::format("weft_{}_copies_total", name),
                             "Frames copied because they could not be encapsulated in place.")) {}

}  // namespace weft::overlay
