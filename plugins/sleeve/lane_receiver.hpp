#pragma once
/// Receives datagrams on a lane, opens them and hands their frames to the dataplane.

#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/lane.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/overlay/frame_run.hpp>
#include <weft/overlay/receive_buffers.hpp>
#include <weft/service/dataplane.hpp>

#include "counters.hpp"
#include "datagram.hpp"
#include "lane_event.hpp"
#include "peer.hpp"

namespace weft::sleeve {

/// Used by one lane.
class LaneReceiver {
 public:
  struct Context {
    PeerName self;
    Dataplane& dataplane;
    const PeerTable& peers;
    Counters& counters;
    LaneEvents& events;
    Doorbell& doorbell;
  };

  explicit LaneReceiver(const Context& context);

  /// Makes all buffers usable again. Once per poll cycle, before receive.
  void begin_cycle() noexcept { used_ = 0; }
  /// Receives about `budget` datagrams from `socket`; returns how many.
  [[nodiscard]] unsigned receive(Lane& lane, int socket, unsigned budget) noexcept;

 private:
  /// Asked for at once while the kernel joins datagrams (UDP_GRO), 64 KiB of them in a message:
  /// more would leave the cache before they are looked at.
  static constexpr unsigned max_joined_messages = 8;

  /// A datagram where it lies.
  struct Arrival {
    std::span<std::byte> octets;
    std::uint32_t headroom = 0;  // writable bytes before it
    const net::Endpoint& from;
  };
  /// Takes apart what arrived as message `index`; returns how many datagrams it was.
  unsigned split(Lane& lane, unsigned index) noexcept;
  void handle(Lane& lane, const Arrival& arrival) noexcept;
  [[nodiscard]] Peer* find(PeerName name) noexcept;
  /// The records of an acceptable datagram, in clear; empty when it was dropped.
  [[nodiscard]] std::span<std::byte> open(Lane& lane, Peer& peer,
                                          std::span<std::byte> datagram) noexcept;
  void walk(Lane& lane, Peer& peer, std::span<std::byte> body, const Arrival& arrival) noexcept;
  void handle_special(Lane& lane, const Peer& peer, const Record& record, FrameKind kind,
                      const net::Endpoint& from) noexcept;
  Context context_;
  overlay::ReceiveBuffers buffers_;
  unsigned used_ = 0;        // slots that hold frames of this poll cycle
  Peer* latest_ = nullptr;   // of this call of receive
  bool are_joined_ = false;  // the datagrams that came last
  overlay::FrameRun run_;
};

}  // namespace weft::sleeve
