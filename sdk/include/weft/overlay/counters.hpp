#pragma once
/// What an overlay over UDP counts. Registering happens once, at start; lanes only add.

#include <array>
#include <cstdint>
#include <string_view>

#include <weft/metrics.hpp>

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

struct Counters {
  /// `name`: of the overlay, as metrics have it: "udp_overlay".
  Counters(Metrics& metrics, std::string_view name);

  void drop_on_lane(unsigned lane, Drop reason, std::uint64_t n = 1) noexcept {
    dropped_[static_cast<std::size_t>(reason)]->add_on_lane(lane, n);
  }
  void drop(Drop reason) noexcept { dropped_[static_cast<std::size_t>(reason)]->add(); }

  Counter& frames_in;
  Counter& frames_out;
  Counter& copies;  ///< frames that could not be encapsulated where they lay

 private:
  std::array<Counter*, static_cast<std::size_t>(Drop::count_)> dropped_{};
};

}  // namespace weft::overlay
