/// Reception: foreign bytes become runs of frames, or are counted and dropped.
#include "lane_receiver.hpp"

#include <algorithm>

namespace weft::sleeve {

Peer* PeerTable::find(PeerName name) const noexcept {
  const auto at = std::lower_bound(
      peers_.begin(), peers_.end(), name,
      [](const std::shared_ptr<Peer>& peer, PeerName wanted) { return peer->name < wanted; });
  return at != peers_.end() && (*at)->name == name ? at->get() : nullptr;
}

LaneReceiver::LaneReceiver(const Context& context)
    : context_(context), memory_(std::make_unique_for_overwrite<std::byte[]>(slots * stride)) {
  for (unsigned i = 0; i < slots; ++i) {
    pieces_[i] = {slot(i), slot_bytes};
  }
}

void LaneReceiver::prepare(unsigned first, unsigned count) noexcept {
  for (unsigned i = first; i < first + count; ++i) {
    msghdr& header = messages_[i].msg_hdr;
    header = {};
    header.msg_name = &addresses_[i];
    header.msg_namelen = sizeof addresses_[i];
    header.msg_iov = &pieces_[i];
    header.msg_iovlen = 1;
  }
}

unsigned LaneReceiver::receive(Lane& lane, int fd, unsigned budget) noexcept {
  const unsigned wanted = std::min(budget, slots - used_);
  if (wanted == 0) {
    return 0;
  }
  const unsigned first = used_;
  prepare(first, wanted);
  const int got = recvmmsg(fd, &messages_[first], wanted, MSG_DONTWAIT, nullptr);
  if (got <= 0) {
    return 0;
  }
  used_ += static_cast<unsigned>(got);
  std::uint64_t bytes = 0;
  for (unsigned i = first; i < used_; ++i) {
    bytes += messages_[i].msg_len;
    handle(lane, {slot(i), messages_[i].msg_len}, addresses_[i]);
  }
  deliver(lane);
  context_.counters.datagrams_in.add_on_lane(lane.index(), used_ - first);
  context_.counters.bytes_in.add_on_lane(lane.index(), bytes);
  return used_ - first;
}

void LaneReceiver::handle(Lane& lane, std::span<std::byte> datagram,
                          const sockaddr_storage& from) noexcept {
  if (datagram.size() < clear_header_bytes) {
    context_.counters.drop_on_lane(lane.index(), Drop::short_datagram);
    return;
  }
  Peer* const peer = context_.peers.read().find(load_peer_name(datagram.data()));
  if (peer == nullptr) {
    context_.counters.drop_on_lane(lane.index(), Drop::unknown_sender);
    return;
  }
  const std::span<std::byte> body = open(lane, *peer, datagram);
  if (body.empty()) {
    return;
  }
  peer->bytes_in.add_on_lane(lane.index(), datagram.size());
  walk(lane, *peer, body, net::from_sockaddr(reinterpret_cast<const sockaddr&>(from)));
}

std::span<std::byte> LaneReceiver::open(Lane& lane, Peer& peer,
                                        std::span<std::byte> datagram) noexcept {
  if (!peer.opener) {
    return datagram.subspan(clear_header_bytes);
  }
  Drop reason = Drop::forged;
  switch (peer.opener->open(datagram)) {
    case Opener::Outcome::opened:
      peer.heard(lane.now());
      return datagram.subspan(sealed_header_bytes);
    case Opener::Outcome::too_short:
      reason = Drop::short_datagram;
      break;
    case Opener::Outcome::forged:
      break;
    case Opener::Outcome::replayed:
      reason = Drop::replayed;
      break;
    case Opener::Outcome::busy:
      reason = Drop::replay_busy;
      break;
  }
  context_.counters.drop_on_lane(lane.index(), reason);
  return {};
}

/// In clear, names can be guessed, so that everything but a heartbeat, which proves itself by the
/// connection's UID, must come from the peer's address. Originals stay compatible: both of their
/// sockets send from the host that sends the heartbeats, and when its address changes, the next
/// heartbeat announces it. The port is not compared: NAT may give each socket its own.
void LaneReceiver::walk(Lane& lane, Peer& peer, std::span<std::byte> body,
                        const net::Endpoint& from) noexcept {
  const PathView& view = peer.path.read();
  const bool is_trusted = peer.is_encrypted() || !view.remote ||
                          from.address == view.remote->address || from.address == peer.tcp_address;
  const auto drop = [&](Drop reason) { context_.counters.drop_on_lane(lane.index(), reason); };
  RecordReader reader(body);
  std::uint32_t headroom = frame_headroom;
  while (const auto record = reader.next()) {
    const FrameKind kind = classify(record->frame);
    if (kind == FrameKind::undecodable) {
      drop(Drop::undecodable_frame);
    } else if (!is_trusted && kind != FrameKind::heartbeat) {
      drop(Drop::wrong_address);
    } else if (kind != FrameKind::data) {
      handle_special(lane, peer, *record, kind, from);
    } else {
      peer.heard(lane.now());
      peer.frames_in.add_on_lane(lane.index());
      collect(lane, *record, headroom);
    }
    // Before the first frame lie the headers and the slot's headroom; before the others, frames.
    headroom = record_header_bytes;
  }
  if (reader.defect() == RecordReader::Defect::frame_too_short) {
    drop(Drop::bad_length);
  } else if (reader.defect() == RecordReader::Defect::trailing_garbage) {
    drop(Drop::trailing_garbage);
  }
}

void LaneReceiver::handle_special(Lane& lane, const Peer& peer, const Record& record,
                                  FrameKind kind, const net::Endpoint& from) noexcept {
  if (record.source != peer.name || record.destination != context_.self) {
    context_.counters.drop_on_lane(lane.index(), Drop::misdirected_special);
    return;
  }
  LaneEvent event{.kind = LaneEvent::Kind::mtu_test, .connection = peer.connection};
  if (kind == FrameKind::heartbeat) {
    event.kind = LaneEvent::Kind::heartbeat;
    event.uid = heartbeat_uid(record.frame);
    event.from = from;
  } else if (kind == FrameKind::fragmentation_test) {
    event.kind = LaneEvent::Kind::fragmentation_test;
  } else {
    event.frame_bytes = static_cast<std::uint32_t>(record.frame.size());
  }
  if (context_.events.push(event)) {
    context_.doorbell.ring();
  } else {
    context_.counters.drop_on_lane(lane.index(), Drop::events_full);
  }
}

void LaneReceiver::collect(Lane& lane, const Record& record, std::uint32_t headroom) noexcept {
  const bool continues = record.source == run_source_ && record.destination == run_destination_ &&
                         run_length_ < run_.size();
  if (!continues) {
    deliver(lane);
    run_source_ = record.source;
    run_destination_ = record.destination;
  }
  run_[run_length_++] = {.data = record.frame.data(),
                         .length = static_cast<std::uint32_t>(record.frame.size()),
                         .headroom = headroom};
}

void LaneReceiver::deliver(Lane& lane) noexcept {
  if (run_length_ == 0) {
    return;
  }
  context_.counters.frames_in.add_on_lane(lane.index(), run_length_);
  const OverlayBatch batch{run_source_, run_destination_, {run_.data(), run_length_}};
  run_length_ = 0;
  context_.dataplane.from_overlay(lane, batch);
}

}  // namespace weft::sleeve
