#pragma once
/// What sleeve counts. Registering happens once, at start; lanes only add.

#include <cstdint>
#include <string_view>

#include <weft/metrics.hpp>
#include <weft/overlay/drop_counters.hpp>

namespace weft::sleeve {

/// Why a datagram or a frame went no further: `weft_sleeve_dropped_total{reason}`.
enum class Drop : std::uint8_t {
  short_datagram,
  unknown_sender,  ///< no confirmed connection to that name
  forged,          ///< authentication failed, or a datagram in clear on an encrypted connection
  replayed,
  not_fresh,      ///< a sequence number, or key, that is used up or far away: seen by the kernel
  wrong_address,  ///< clear data from elsewhere than the peer's address, or of another family
  bad_length,     ///< a record longer than its datagram
  trailing_garbage,
  undecodable_frame,
  misdirected_special,
  wrong_heartbeat,   ///< of another connection
  unproven_address,  ///< a heartbeat from where the peer is not, or not known to be
  bad_control,
  events_full,  ///< the control loop does not keep up
  no_buffer,
  too_big,
  too_big_unreported,  ///< and the sender may not be told
  would_block,         ///< the peer's send buffer is full
  message_too_big,     ///< for the MTU of the interface
  send_failed,
  receive_buffer,  ///< messages that the kernel dropped because the socket's buffer was full
  count_
};

[[nodiscard]] std::string_view to_string(Drop reason) noexcept;

struct Counters : overlay::DropCounters<Drop> {
  explicit Counters(Metrics& metrics);

  Counter& datagrams_in;
  Counter& datagrams_out;
  Counter& frames_in;
  Counter& frames_out;
  Counter& bytes_in;  ///< UDP payload
  Counter& bytes_out;
  Counter& aggregated;  ///< frames that shared a datagram with an earlier one
  Counter& rekeys;      ///< changes to fresh keys
  Counter& copies;      ///< frames that could not be encapsulated where they lay
};

}  // namespace weft::sleeve
