/// Aggregation and encryption on a lane.
#include "lane_sender.hpp"

#include <cstring>

namespace weft::sleeve {

LaneSender::LaneSender(PeerName self, const DatagramBatch::Context& context)
    : counters_(context.counters),
      staged_(std::make_unique<std::array<StagedRecord, max_staged>>()),
      waiting_(std::make_unique<std::array<Peer*, max_staged>>()),
      batches_{std::make_unique<DatagramBatch>(context, DfClass::may_fragment),
               std::make_unique<DatagramBatch>(context, DfClass::dont_fragment)},
      arena_(std::make_unique_for_overwrite<std::byte[]>(arena_bytes)) {
  store_peer_name(clear_header_.data(), self);
}

void LaneSender::stage(Lane& lane, Peer& peer, DfClass df_class,
                       const StagedRecord& record) noexcept {
  if (staged_count_ == max_staged) {
    flush(lane);
  }
  Outbox& outbox = peer.outboxes[lane.index()];
  if (!outbox.is_listed) {
    outbox.is_listed = true;
    (*waiting_)[waiting_count_++] = &peer;
  }
  const std::uint32_t index = staged_count_++;
  (*staged_)[index] = record;
  (*staged_)[index].next = Outbox::none;
  Outbox::Queue& queue = outbox.queues[static_cast<std::size_t>(df_class)];
  if (queue.first == Outbox::none) {
    queue.first = index;
  } else {
    (*staged_)[queue.last].next = index;
  }
  queue.last = index;
}

void LaneSender::flush(Lane& lane) noexcept {
  for (std::uint32_t i = 0; i < waiting_count_; ++i) {
    Peer& peer = *(*waiting_)[i];
    const PathView& view = peer.path.read();
    pack(lane, peer, view, DfClass::dont_fragment);
    pack(lane, peer, view, DfClass::may_fragment);
    peer.outboxes[lane.index()] = Outbox{};
  }
  waiting_count_ = 0;
  staged_count_ = 0;
  transmit(lane);
}

LaneSender::Run LaneSender::take_run(std::uint32_t first, std::size_t header_bytes,
                                     std::uint32_t max_payload) const noexcept {
  Run run{first, 1, static_cast<std::uint32_t>(header_bytes) + (*staged_)[first].length};
  for (std::uint32_t at = (*staged_)[first].next;
       at != Outbox::none && run.count < max_frames_per_datagram; at = (*staged_)[at].next) {
    if (run.bytes + (*staged_)[at].length > max_payload) {
      break;
    }
    run.bytes += (*staged_)[at].length;
    ++run.count;
  }
  return run;
}

/// A frame may exceed the path only alone and where the network may fragment it.
void LaneSender::pack(Lane& lane, Peer& peer, const PathView& view, DfClass df_class) noexcept {
  const std::size_t header = packet_header_bytes(peer.is_encrypted());
  const auto limit = df_class == DfClass::may_fragment
                         ? static_cast<std::uint32_t>(max_datagram_bytes)
                         : view.max_payload;
  DatagramBatch& batch = *batches_[static_cast<std::size_t>(df_class)];
  std::uint32_t at = peer.outboxes[lane.index()].queues[static_cast<std::size_t>(df_class)].first;
  while (at != Outbox::none) {
    if (!view.remote || header + (*staged_)[at].length > limit) {
      counters_.drop_on_lane(lane.index(), Drop::too_big);
      at = (*staged_)[at].next;
      continue;
    }
    const Run run = take_run(at, header, view.max_payload);
    if (!batch.has_room(run.count + 1)) {
      transmit(lane);
    }
    for (std::uint32_t i = 0; i < run.count; ++i) {
      at = (*staged_)[at].next;
    }
    if (peer.is_encrypted() && needs_gathering(run) && arena_used_ + run.bytes > arena_bytes) {
      transmit(lane);
    }
    const std::uint32_t pieces =
        peer.is_encrypted() ? lay_out_sealed(lane, batch.next_pieces(), peer, df_class, run)
                            : lay_out_clear(batch.next_pieces(), run);
    batch.add(lane, peer, view, {pieces, run.count, run.bytes});
    counters_.aggregated.add_on_lane(lane.index(), run.count - 1);
  }
}

/// The kernel gathers: frames go out from where they lie.
std::uint32_t LaneSender::lay_out_clear(iovec* pieces, const Run& run) noexcept {
  const StagedRecord& first = (*staged_)[run.first];
  std::uint32_t count = 0;
  if (first.room >= clear_header_bytes) {
    std::byte* const datagram = first.bytes - clear_header_bytes;
    std::memcpy(datagram, clear_header_.data(), clear_header_bytes);
    pieces[count++] = {datagram, first.length + clear_header_bytes};
  } else {
    pieces[count++] = {clear_header_.data(), clear_header_.size()};
    pieces[count++] = {first.bytes, first.length};
  }
  std::uint32_t at = first.next;
  for (std::uint32_t i = 1; i < run.count; ++i) {
    const StagedRecord& record = (*staged_)[at];
    pieces[count++] = {record.bytes, record.length};
    at = record.next;
  }
  return count;
}

/// A lone frame is encrypted where it lies; several must first become contiguous.
bool LaneSender::needs_gathering(const Run& run) const noexcept {
  return run.count > 1 || (*staged_)[run.first].room < sealed_header_bytes;
}

std::uint32_t LaneSender::lay_out_sealed(Lane& lane, iovec* piece, Peer& peer, DfClass df_class,
                                         const Run& run) noexcept {
  std::byte* const packet =
      needs_gathering(run) ? gather(lane, run) : (*staged_)[run.first].bytes - sealed_header_bytes;
  peer.sealer->seal(df_class, {packet, run.bytes});
  *piece = {packet, run.bytes};
  return 1;
}

std::byte* LaneSender::gather(Lane& lane, const Run& run) noexcept {
  std::byte* const packet = arena_.get() + arena_used_;
  arena_used_ += run.bytes;
  std::byte* to = packet + sealed_header_bytes;
  std::uint32_t at = run.first;
  for (std::uint32_t i = 0; i < run.count; ++i) {
    const StagedRecord& record = (*staged_)[at];
    std::memcpy(to, record.bytes, record.length);
    to += record.length;
    at = record.next;
  }
  counters_.copies.add_on_lane(lane.index(), run.count);
  return packet;
}

void LaneSender::transmit(Lane& lane) noexcept {
  for (const auto& batch : batches_) {
    batch->transmit(lane);
  }
  arena_used_ = 0;
}

}  // namespace weft::sleeve
