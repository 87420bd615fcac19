#pragma once
/// Collects a turn's frames per peer and sends them in as few datagrams as their paths allow.

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <weft/net/peer_name.hpp>

#include "counters.hpp"
#include "lane_event.hpp"
#include "peer.hpp"

namespace weft::sleeve {

/// A record where it lies: header and frame, and writable room before them.
struct StagedRecord {
  std::byte* bytes = nullptr;
  std::uint32_t length = 0;
  std::uint32_t room = 0;
  std::uint32_t next = Outbox::none;
};

/// Used by one lane. Sends when told to, or earlier when its lists are full.
/// Source: weaveworks/weave router/sleeve.go, aggregateAndSend.
class LaneSender {
 public:
  LaneSender(unsigned lane, PeerName self, Counters& counters, LaneEvents& events,
             Doorbell& doorbell);

  /// Sockets by space; they outlive this object.
  void use_sockets(int may_fragment, int dont_fragment) noexcept;

  /// Keeps the record, whose bytes stay valid until the lane's flush, for `peer`.
  void stage(Peer& peer, Space space, const StagedRecord& record) noexcept;
  /// Sends everything.
  void flush() noexcept;

 private:
  /// Datagrams for one socket, as the kernel wants them.
  struct Batch {
    static constexpr unsigned max_messages = 64;
    static constexpr unsigned max_pieces = 1024;

    struct Origin {
      Peer* peer;
      std::uint32_t frames;
      std::uint32_t bytes;
    };
    std::array<mmsghdr, max_messages> messages;
    std::array<iovec, max_pieces> pieces;
    std::array<Origin, max_messages> origins;
    unsigned message_count = 0;
    unsigned piece_count = 0;
    int fd = -1;
  };
  /// Consecutive records of a queue that share a datagram.
  struct Run {
    std::uint32_t first;
    std::uint32_t count;
    std::uint32_t bytes;  ///< of the datagram, packet header included
  };

  void pack(Peer& peer, const PathView& view, Space space) noexcept;
  [[nodiscard]] Run take_run(std::uint32_t first, std::size_t header_bytes,
                             std::uint32_t max_payload) const noexcept;
  void add_clear(Batch& batch, const Run& run) noexcept;
  void add_sealed(Batch& batch, Peer& peer, Space space, const Run& run) noexcept;
  [[nodiscard]] std::byte* gather(const Run& run) noexcept;
  void transmit() noexcept;
  void transmit(Batch& batch) noexcept;
  /// Accounts for the failure of message `index`; returns how many messages are lost.
  unsigned give_up(const Batch& batch, unsigned index, int error) noexcept;

  static constexpr std::size_t max_staged = 2048;
  static constexpr std::size_t arena_bytes = 512 * 1024;
  static constexpr unsigned max_frames_per_datagram = 100;

  unsigned lane_;
  Counters& counters_;
  LaneEvents& events_;
  Doorbell& doorbell_;
  std::array<std::byte, clear_header_bytes> clear_header_;
  std::unique_ptr<std::array<StagedRecord, max_staged>> staged_;
  std::uint32_t staged_count_ = 0;
  std::unique_ptr<std::array<Peer*, max_staged>> waiting_;  // peers with staged records
  std::uint32_t waiting_count_ = 0;
  std::unique_ptr<std::array<Batch, space_count>> batches_;
  std::unique_ptr<std::byte[]> arena_;  // datagrams that must be contiguous to be encrypted
  std::size_t arena_used_ = 0;
};

}  // namespace weft::sleeve
