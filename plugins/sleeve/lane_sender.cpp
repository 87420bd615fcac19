/// Aggregation, encryption and sendmmsg on a lane.
#include "lane_sender.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weft::sleeve {

LaneSender::LaneSender(unsigned lane, PeerName self, Counters& counters, LaneEvents& events,
                       Doorbell& doorbell)
    : lane_(lane),
      counters_(counters),
      events_(events),
      doorbell_(doorbell),
      staged_(std::make_unique<std::array<StagedRecord, max_staged>>()),
      waiting_(std::make_unique<std::array<Peer*, max_staged>>()),
      batches_(std::make_unique<std::array<Batch, space_count>>()),
      arena_(std::make_unique_for_overwrite<std::byte[]>(arena_bytes)) {
  store_peer_name(clear_header_.data(), self);
}

void LaneSender::use_sockets(int may_fragment, int dont_fragment) noexcept {
  (*batches_)[static_cast<std::size_t>(Space::may_fragment)].fd = may_fragment;
  (*batches_)[static_cast<std::size_t>(Space::dont_fragment)].fd = dont_fragment;
}

void LaneSender::stage(Peer& peer, Space space, const StagedRecord& record) noexcept {
  if (staged_count_ == max_staged) {
    flush();
  }
  Outbox& outbox = peer.outboxes[lane_];
  if (!outbox.is_listed) {
    outbox.is_listed = true;
    (*waiting_)[waiting_count_++] = &peer;
  }
  const std::uint32_t index = staged_count_++;
  (*staged_)[index] = record;
  (*staged_)[index].next = Outbox::none;
  Outbox::Queue& queue = outbox.queues[static_cast<std::size_t>(space)];
  if (queue.first == Outbox::none) {
    queue.first = index;
  } else {
    (*staged_)[queue.last].next = index;
  }
  queue.last = index;
}

void LaneSender::flush() noexcept {
  for (std::uint32_t i = 0; i < waiting_count_; ++i) {
    Peer& peer = *(*waiting_)[i];
    const PathView& view = peer.path.read();
    pack(peer, view, Space::dont_fragment);
    pack(peer, view, Space::may_fragment);
    peer.outboxes[lane_] = Outbox{};
  }
  waiting_count_ = 0;
  staged_count_ = 0;
  transmit();
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
void LaneSender::pack(Peer& peer, const PathView& view, Space space) noexcept {
  const std::size_t header = packet_header_bytes(peer.is_encrypted());
  const auto limit = space == Space::may_fragment ? static_cast<std::uint32_t>(max_datagram_bytes)
                                                  : view.max_payload;
  Batch& batch = (*batches_)[static_cast<std::size_t>(space)];
  std::uint32_t at = peer.outboxes[lane_].queues[static_cast<std::size_t>(space)].first;
  while (at != Outbox::none) {
    if (!view.remote || header + (*staged_)[at].length > limit) {
      counters_.drop_on_lane(lane_, Drop::too_big);
      at = (*staged_)[at].next;
      continue;
    }
    const Run run = take_run(at, header, view.max_payload);
    if (batch.message_count == Batch::max_messages ||
        batch.piece_count + run.count + 1 > Batch::max_pieces) {
      transmit();
    }
    for (std::uint32_t i = 0; i < run.count; ++i) {
      at = (*staged_)[at].next;
    }
    if (peer.is_encrypted()) {
      add_sealed(batch, peer, space, run);
    } else {
      add_clear(batch, run);
    }
    view.destination.apply(batch.messages[batch.message_count].msg_hdr);
    batch.origins[batch.message_count++] = {&peer, run.count, run.bytes};
  }
}

/// The kernel gathers: frames go out from where they lie.
void LaneSender::add_clear(Batch& batch, const Run& run) noexcept {
  iovec* const pieces = &batch.pieces[batch.piece_count];
  pieces[0] = {clear_header_.data(), clear_header_.size()};
  std::uint32_t at = run.first;
  for (std::uint32_t i = 1; i <= run.count; ++i) {
    const StagedRecord& record = (*staged_)[at];
    pieces[i] = {record.bytes, record.length};
    at = record.next;
  }
  msghdr& header = batch.messages[batch.message_count].msg_hdr;
  header = {};
  header.msg_iov = pieces;
  header.msg_iovlen = run.count + 1;
  batch.piece_count += run.count + 1;
}

/// A lone frame is encrypted where it lies; several must first become contiguous.
void LaneSender::add_sealed(Batch& batch, Peer& peer, Space space, const Run& run) noexcept {
  const StagedRecord& first = (*staged_)[run.first];
  std::byte* const packet = run.count == 1 && first.room >= sealed_header_bytes
                                ? first.bytes - sealed_header_bytes
                                : gather(run);
  peer.sealer->seal(space, {packet, run.bytes});
  iovec& piece = batch.pieces[batch.piece_count++];
  piece = {packet, run.bytes};
  // gather() may have sent and emptied the batch, so its message is looked up only here.
  msghdr& header = batch.messages[batch.message_count].msg_hdr;
  header = {};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
}

std::byte* LaneSender::gather(const Run& run) noexcept {
  if (arena_used_ + run.bytes > arena_bytes) {
    transmit();
  }
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
  counters_.copies.add_on_lane(lane_, run.count);
  return packet;
}

void LaneSender::transmit() noexcept {
  for (Batch& batch : *batches_) {
    transmit(batch);
  }
  arena_used_ = 0;
}

void LaneSender::transmit(Batch& batch) noexcept {
  unsigned done = 0;
  while (done < batch.message_count) {
    const int sent = sendmmsg(batch.fd, &batch.messages[done], batch.message_count - done, 0);
    if (sent <= 0) {
      done += give_up(batch, done, sent == 0 ? EIO : errno);
      continue;
    }
    for (const unsigned end = done + static_cast<unsigned>(sent); done < end; ++done) {
      const Batch::Origin& origin = batch.origins[done];
      origin.peer->frames_out.add_on_lane(lane_, origin.frames);
      origin.peer->bytes_out.add_on_lane(lane_, origin.bytes);
      counters_.datagrams_out.add_on_lane(lane_);
      counters_.frames_out.add_on_lane(lane_, origin.frames);
      counters_.bytes_out.add_on_lane(lane_, origin.bytes);
      counters_.aggregated.add_on_lane(lane_, origin.frames - 1);
    }
  }
  batch.message_count = 0;
  batch.piece_count = 0;
}

unsigned LaneSender::give_up(const Batch& batch, unsigned index, int error) noexcept {
  if (error == EINTR) {
    return 0;
  }
  if (error == EAGAIN) {  // the socket is full: so it is for all that follow
    for (unsigned i = index; i < batch.message_count; ++i) {
      counters_.drop_on_lane(lane_, Drop::would_block, batch.origins[i].frames);
    }
    return batch.message_count - index;
  }
  const Batch::Origin& origin = batch.origins[index];
  if (error == EMSGSIZE) {
    counters_.drop_on_lane(lane_, Drop::message_too_big, origin.frames);
    if (events_.push(
            {.kind = LaneEvent::Kind::message_too_big, .connection = origin.peer->connection})) {
      doorbell_.ring();
    } else {
      counters_.drop_on_lane(lane_, Drop::events_full);
    }
    return 1;
  }
  counters_.drop_on_lane(lane_, Drop::send_failed, origin.frames);
  return 1;
}

}  // namespace weft::sleeve
