#pragma once
/// Datagrams of one DF class, collected on a lane and sent in as few calls as the kernel allows.

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include <weft/lane.hpp>

#include "counters.hpp"
#include "lane_event.hpp"
#include "peer.hpp"

namespace weft::sleeve {

/// One datagram's place in the batch.
struct DatagramSize {
  std::uint32_t pieces = 0;
  std::uint32_t frames = 0;
  std::uint32_t bytes = 0;  ///< UDP payload
};

/// Consecutive datagrams of one size to one peer are one message, which the kernel or the network
/// card cuts (UDP_SEGMENT): each is on the wire what it would be alone. Where the kernel refuses,
/// they go one by one, and that peer's do for a while.
class DatagramBatch {
 public:
  struct Context {
    Counters& counters;
    LaneEvents& events;
    Doorbell& doorbell;
  };
  static constexpr unsigned max_messages = 64;
  static constexpr unsigned max_pieces = 1024;  // IOV_MAX

  DatagramBatch(const Context& context, DfClass df_class)
      : context_(context), df_class_(df_class) {}

  /// Whether a datagram of that many pieces still fits.
  [[nodiscard]] bool has_room(unsigned pieces) const noexcept {
    return message_count_ < max_messages && piece_count_ + pieces <= max_pieces;
  }
  /// Where the next datagram's pieces go. Their octets, and what `view` points to, stay until the
  /// batch is transmitted.
  [[nodiscard]] iovec* next_pieces() noexcept { return &pieces_[piece_count_]; }
  /// Adds the datagram of next_pieces().
  void add(const Lane& lane, Peer& peer, const PathView& view, const DatagramSize& size) noexcept;
  /// Sends everything; what cannot be sent is counted.
  void transmit(Lane& lane) noexcept;

 private:
  /// Source: Linux include/linux/udp.h, UDP_MAX_SEGMENTS before 6.7.
  static constexpr std::uint32_t max_segments = 64;

  struct Message {
    Peer* peer;
    std::uint32_t datagrams;
    std::uint32_t frames;
    std::uint32_t bytes;
    std::uint32_t segment_bytes;  // of each datagram but the last, which may be shorter
    alignas(cmsghdr) std::array<std::byte, overlay::max_control_bytes> control;
  };

  [[nodiscard]] bool joins_last(const Lane& lane, const Peer& peer, const PathView& view,
                                const DatagramSize& size) const noexcept;
  /// The first message after `index` that is for another peer.
  [[nodiscard]] unsigned end_of_peer(unsigned index) const noexcept;
  /// Accounts for the failure of message `index`, which is followed by others for its peer up to
  /// `end`; returns how many messages are over.
  unsigned give_up(Lane& lane, unsigned index, unsigned end, int error) noexcept;
  /// Sends the datagrams of message `index` one by one.
  void send_apart(Lane& lane, unsigned index) noexcept;
  void count_sent(Lane& lane, const Message& message) noexcept;
  void count_lost(Lane& lane, const Message& message, int error) noexcept;

  Context context_;
  DfClass df_class_;
  unsigned message_count_ = 0;
  unsigned piece_count_ = 0;
  std::array<mmsghdr, max_messages> headers_;
  std::array<Message, max_messages> messages_;
  std::array<iovec, max_pieces> pieces_;
};

}  // namespace weft::sleeve
