#pragma once
/// What lanes tell the overlay's loop: the rare datagrams that are about the path itself.

#include <cstdint>

#include <weft/lane_queue.hpp>
#include <weft/net/ip.hpp>

namespace weft::sleeve {

struct LaneEvent {
  enum class Kind : std::uint8_t { heartbeat, fragmentation_test, mtu_test, message_too_big };

  Kind kind{};
  std::uint32_t connection = 0;   ///< Peer::connection
  std::uint32_t frame_bytes = 0;  ///< mtu_test
  std::uint64_t uid = 0;          ///< heartbeat
  net::Endpoint from{};           ///< heartbeat
};

using LaneEvents = LaneQueue<LaneEvent>;

}  // namespace weft::sleeve
