#pragma once
/// What an overlay over UDP counts. Registering happens once, at start; lanes only add.

#include <cstdint>
#include <string_view>

#include <weft/metrics.hpp>
#include <weft/overlay/drop_counters.hpp>

namespace weft::overlay {

/// Why a datagram or a frame went no further: `weft_NAME_dropped_total{reason}`.
enum class Drop : std::uint8_t {
  malformed,
  unknown_connection,
  bad_control,
  too_big,  ///< for the path; whoever may be told so is
  no_buffer,
  would_block,  ///< the socket's send buffer is full
  send_failed,
  count_
};

[[nodiscard]] std::string_view to_string(Drop reason) noexcept;

struct Counters : DropCounters<Drop> {
  /// `name`: of the overlay, as metrics have it: "udp_overlay".
  Counters(Metrics& metrics, std::string_view name);

  Counter& frames_in;
  Counter& frames_out;
  Counter& copies;  ///< frames that could not be encapsulated where they lay
};

}  // namespace weft::overlay
