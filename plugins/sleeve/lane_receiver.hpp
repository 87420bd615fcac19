#pragma once
/// Receives datagrams on a lane, opens them and hands their frames to the dataplane.

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <weft/lane.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/service/dataplane.hpp>

#include "counters.hpp"
#include "datagram.hpp"
#include "lane_event.hpp"
#include "peer.hpp"

namespace weft::sleeve {

/// Confirmed connections, sorted by the remote's name. Immutable.
class PeerTable {
 public:
  PeerTable() = default;
  /// `peers` is sorted by name, one per name.
  explicit PeerTable(std::vector<std::shared_ptr<Peer>> peers) : peers_(std::move(peers)) {}

  /// Null when there is none.
  [[nodiscard]] Peer* find(PeerName name) const noexcept;

 private:
  std::vector<std::shared_ptr<Peer>> peers_;
};

/// Used by one lane.
class LaneReceiver {
 public:
  struct Context {
    PeerName self;
    Dataplane& dataplane;
    const LaneLocal<PeerTable>& peers;
    Counters& counters;
    LaneEvents& events;
    Doorbell& doorbell;
  };

  explicit LaneReceiver(const Context& context);

  /// Makes all buffers usable again. Once per turn, before receive.
  void begin_turn() noexcept { used_ = 0; }
  /// Receives about `budget` datagrams from `socket`; returns how many.
  [[nodiscard]] unsigned receive(Lane& lane, int socket, unsigned budget) noexcept;

 private:
  static constexpr unsigned slots = 64;
  /// Asked for at once while the kernel joins datagrams (UDP_GRO), 64 KiB of them in a message:
  /// more would leave the cache before they are looked at.
  static constexpr unsigned max_joined_messages = 8;
  static constexpr std::size_t slot_bytes = 65536;
  static constexpr std::size_t stride = frame_headroom + slot_bytes;

  /// A datagram where it lies.
  struct Arrival {
    std::span<std::byte> octets;
    std::uint32_t headroom = 0;  // writable bytes before it
    const net::Endpoint& from;
  };
  struct alignas(cmsghdr) Control {
    std::array<std::byte, CMSG_SPACE(sizeof(int))> octets;
  };

  [[nodiscard]] std::byte* slot(unsigned index) const noexcept {
    return memory_.get() + index * stride + frame_headroom;
  }
  void prepare(unsigned first, unsigned count) noexcept;
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
  void collect(Lane& lane, const Record& record, std::uint32_t headroom) noexcept;
  void deliver(Lane& lane) noexcept;

  Context context_;
  std::unique_ptr<std::byte[]> memory_;  // pages that no datagram reaches never become resident
  unsigned used_ = 0;                    // slots that hold frames of this turn
  std::array<mmsghdr, slots> messages_{};
  std::array<iovec, slots> pieces_{};
  std::array<sockaddr_storage, slots> addresses_{};
  std::array<Control, slots> controls_{};
  Peer* latest_ = nullptr;   // of this call of receive
  bool are_joined_ = false;  // the datagrams that came last
  PeerName run_source_{};
  PeerName run_destination_{};
  std::array<Frame, max_batch> run_;
  std::size_t run_length_ = 0;
};

}  // namespace weft::sleeve
