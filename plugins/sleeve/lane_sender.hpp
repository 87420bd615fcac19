#pragma once
/// Collects a poll cycle's frames per peer and sends them in as few datagrams as their paths allow.

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <weft/net/peer_name.hpp>

#include "counters.hpp"
#include "datagram_batch.hpp"
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
  LaneSender(PeerName self, const DatagramBatch::Context& context);

  /// Keeps the record, whose bytes stay valid until the lane's flush, for `peer`.
  void stage(Lane& lane, Peer& peer, DfClass df_class, const StagedRecord& record) noexcept;
  /// Sends everything.
  void flush(Lane& lane) noexcept;

 private:
  /// Consecutive records of a queue that share a datagram.
  struct Run {
    std::uint32_t first;
    std::uint32_t count;
    std::uint32_t bytes;  ///< of the datagram, packet header included
  };

  void pack(Lane& lane, Peer& peer, const PathView& view, DfClass df_class) noexcept;
  [[nodiscard]] Run take_run(std::uint32_t first, std::size_t header_bytes,
                             std::uint32_t max_payload) const noexcept;
  /// These write the pieces of the run's datagram and return how many they are.
  [[nodiscard]] std::uint32_t lay_out_clear(iovec* pieces, const Run& run) noexcept;
  [[nodiscard]] std::uint32_t lay_out_sealed(Lane& lane, iovec* piece, Peer& peer, DfClass df_class,
                                             const Run& run) noexcept;
  [[nodiscard]] bool needs_gathering(const Run& run) const noexcept;
  [[nodiscard]] std::byte* gather(Lane& lane, const Run& run) noexcept;
  void transmit(Lane& lane) noexcept;

  static constexpr std::size_t max_staged = 2048;
  static constexpr std::size_t arena_bytes = 512 * 1024;
  static constexpr unsigned max_frames_per_datagram = 100;

  Counters& counters_;
  std::array<std::byte, clear_header_bytes> clear_header_;
  std::unique_ptr<std::array<StagedRecord, max_staged>> staged_;
  std::uint32_t staged_count_ = 0;
  std::unique_ptr<std::array<Peer*, max_staged>> waiting_;  // peers with staged records
  std::uint32_t waiting_count_ = 0;
  std::array<std::unique_ptr<DatagramBatch>, df_classes> batches_;
  std::unique_ptr<std::byte[]> arena_;  // datagrams that must be contiguous to be encrypted
  std::size_t arena_used_ = 0;
};

}  // namespace weft::sleeve
