#pragma once
/// The overlay on one lane: a socket, what it brings, what it takes.

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <weft/lane.hpp>
#include <weft/service/dataplane.hpp>

#include "counters.hpp"
#include "datagram.hpp"
#include "peer.hpp"
#include "udp_socket.hpp"

namespace weft::udp_overlay {

/// Created and destroyed by the loop; everything virtual and `forward` run on the lane.
class LanePort final : public LaneTask {
 public:
  LanePort(unsigned lane, Dataplane& dataplane, const LaneLocal<PeerTable>& peers,
           Counters& counters, Fd socket);

  [[nodiscard]] unsigned poll(Lane& lane, unsigned budget) noexcept override;
  void flush(Lane& lane) noexcept override;

  /// Puts a header before each frame, in place, and keeps it for the flush. The path is open.
  void forward(Lane& lane, const Peer& peer, const OverlayBatch& batch) noexcept;

  [[nodiscard]] const Fd& socket() const noexcept { return socket_; }

 private:
  static constexpr unsigned slots = max_batch;
  static constexpr std::size_t slot_bytes = 65536;  // no datagram is larger
  static constexpr std::size_t stride = frame_headroom + slot_bytes;

  /// Datagrams as the kernel wants them.
  struct Messages {
    std::array<mmsghdr, slots> headers{};
    std::array<iovec, slots> pieces{};
    unsigned count = 0;
  };

  [[nodiscard]] std::byte* slot(unsigned index) const noexcept {
    return memory_.get() + index * stride + frame_headroom;
  }
  void handle(Lane& lane, std::span<std::byte> octets) noexcept;
  /// Keeps the frame in the run of frames with one source and destination.
  void collect(Lane& lane, const Datagram& datagram) noexcept;
  void deliver(Lane& lane) noexcept;
  void transmit() noexcept;
  /// Accounts for the failure of message `index`; returns how many messages are lost.
  [[nodiscard]] unsigned give_up(unsigned index, int error) noexcept;

  const unsigned lane_;
  Dataplane& dataplane_;
  const LaneLocal<PeerTable>& peers_;
  Counters& counters_;
  Fd socket_;
  std::unique_ptr<std::byte[]> memory_;  // pages that no datagram reaches never become resident
  Messages incoming_;
  Messages outgoing_;
  std::array<Frame, slots> run_;
  PeerName run_source_{};
  PeerName run_destination_{};
  std::size_t run_length_ = 0;
};

}  // namespace weft::udp_overlay
