/// Names and registers the overlay's metrics.
#include "counters.hpp"

#include <array>
#include <string>

namespace weft::sleeve {
namespace {

Counter& directed(Metrics& metrics, const char* what, const char* help, const char* direction) {
  return metrics.counter(std::string("weft_sleeve_") + what + "_total", help,
                         {{"direction", direction}});
}

}  // namespace

std::string_view to_string(Drop reason) noexcept {
  constexpr std::array<std::string_view, static_cast<std::size_t>(Drop::count_)> names{
      "short_datagram",     "unknown_sender",      "forged",          "replayed",
      "not_fresh",          "wrong_address",       "bad_length",      "trailing_garbage",
      "undecodable_frame",  "misdirected_special", "wrong_heartbeat", "unproven_address",
      "bad_control",        "events_full",         "no_buffer",       "too_big",
      "too_big_unreported", "would_block",         "message_too_big", "send_failed",
      "receive_buffer"};
  static_assert(!names.back().empty(), "every reason has its name");
  return names[static_cast<std::size_t>(reason)];
}

Counters::Counters(Metrics& metrics)
    : DropCounters(metrics, "weft_sleeve_dropped_total"),
      datagrams_in(directed(metrics, "datagrams", "Datagrams moved.", "in")),
      datagrams_out(directed(metrics, "datagrams", "Datagrams moved.", "out")),
      frames_in(directed(metrics, "frames", "Frames carried.", "in")),
      frames_out(directed(metrics, "frames", "Frames carried.", "out")),
      bytes_in(directed(metrics, "bytes", "UDP payload moved.", "in")),
      bytes_out(directed(metrics, "bytes", "UDP payload moved.", "out")),
      aggregated(metrics.counter("weft_sleeve_aggregated_total",
                                 "Frames sent in a datagram behind another frame.")),
      rekeys(metrics.counter("weft_sleeve_rekeys_total",
                             "Completed rekeys.")),
      copies(metrics.counter("weft_sleeve_copies_total",
                             "Frames copied because they could not be encapsulated in place.")) {}

}  // namespace weft::sleeve
