/// Names and registers the overlay's metrics.

#include "counters.hpp"

#include <string>

namespace weft::udp_overlay {

std::string_view to_string(Drop reason) noexcept {
  constexpr std::array<std::string_view, static_cast<std::size_t>(Drop::count_)> names{
      "malformed", "unknown_connection", "bad_control", "too_big",
      "no_buffer", "would_block",        "send_failed"};
  return names[static_cast<std::size_t>(reason)];
}

Counters::Counters(Metrics& metrics)
    : frames_in(metrics.counter("weft_udp_overlay_frames_total", "Frames carried.",
                                {{"direction", "in"}})),
      frames_out(metrics.counter("weft_udp_overlay_frames_total", "Frames carried.",
                                 {{"direction", "out"}})),
      copies(metrics.counter("weft_udp_overlay_copies_total",
                             "Frames copied because they could not be encapsulated in place.")) {
  for (std::size_t i = 0; i < dropped_.size(); ++i) {
    dropped_[i] =
        &metrics.counter("weft_udp_overlay_dropped_total", "Datagrams and frames dropped.",
                         {{"reason", std::string(to_string(static_cast<Drop>(i)))}});
  }
}

}  // namespace weft::udp_overlay
