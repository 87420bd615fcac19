/// Reception: foreign bytes become runs of frames, or are counted and dropped.
#include "lane_receiver.hpp"

#include <algorithm>

namespace weft::sleeve {

LaneReceiver::LaneReceiver(const Context& context)
    : context_(context), run_(context.dataplane, context.counters.frames_in) {}

unsigned LaneReceiver::receive(Lane& lane, int socket, unsigned budget) noexcept {
  unsigned received = 0;
  latest_ = nullptr;
  while (received < budget) {
    const unsigned first = used_;
    const unsigned wanted = std::min({budget - received, buffers_.slots - used_,
                                      are_joined_ ? max_joined_messages : buffers_.slots});
    if (wanted == 0) {
      break;
    }
    const int got = buffers_.receive(socket, first, wanted);
    if (got <= 0) {
      break;
    }
    used_ += static_cast<unsigned>(got);
    std::uint64_t bytes = 0;
    for (unsigned i = first; i < used_; ++i) {
      bytes += buffers_.octets(i).size();
      received += split(lane, i);
    }
    context_.counters.bytes_in.add_on_lane(lane.index(), bytes);
    if (static_cast<unsigned>(got) < wanted) {
      break;
    }
  }
  run_.deliver(lane);
  if (received != 0) {
    context_.counters.datagrams_in.add_on_lane(lane.index(), received);
  }
  return received;
}

unsigned LaneReceiver::split(Lane& lane, unsigned index) noexcept {
  const net::Endpoint from = buffers_.from(index);
  std::span<std::byte> rest = buffers_.octets(index);
  const std::uint32_t joined = buffers_.joined_bytes(index);
  are_joined_ = joined != 0;
  unsigned count = 0;
  std::uint32_t headroom = frame_headroom;
  do {
    const std::size_t bytes =
        joined == 0 ? rest.size() : std::min<std::size_t>(joined, rest.size());
    handle(lane, {rest.first(bytes), headroom, from});
    rest = rest.subspan(bytes);
    headroom = 0;
    ++count;
  } while (!rest.empty());
  return count;
}

Peer* LaneReceiver::find(PeerName name) noexcept {
  if (latest_ == nullptr || latest_->name != name) {
    latest_ = context_.peers.find(name);
  }
  return latest_;
}

void LaneReceiver::handle(Lane& lane, const Arrival& arrival) noexcept {
  if (arrival.octets.size() < clear_header_bytes) {
    context_.counters.drop_on_lane(lane.index(), Drop::short_datagram);
    return;
  }
  Peer* const peer = find(load_peer_name(arrival.octets.data()));
  if (peer == nullptr) {
    context_.counters.drop_on_lane(lane.index(), Drop::unknown_sender);
    return;
  }
  const std::span<std::byte> body = open(lane, *peer, arrival.octets);
  if (body.empty()) {
    return;
  }
  peer->bytes_in.add_on_lane(lane.index(), arrival.octets.size());
  walk(lane, *peer, body, arrival);
}

std::span<std::byte> LaneReceiver::open(Lane& lane, Peer& peer,
                                        std::span<std::byte> datagram) noexcept {
  if (!peer.opener) {
    return datagram.subspan(clear_header_bytes);
  }
  Drop reason = Drop::forged;
  switch (peer.opener->open(datagram)) {
    case Opener::Outcome::opened:
      peer.pulse.heard(lane.now());
      return datagram.subspan(sealed_header_bytes);
    case Opener::Outcome::too_short:
      reason = Drop::short_datagram;
      break;
    case Opener::Outcome::forged:
      break;
    case Opener::Outcome::replayed:
      reason = Drop::replayed;
      break;
  }
  context_.counters.drop_on_lane(lane.index(), reason);
  return {};
}

/// In clear, names can be guessed, so that everything but a heartbeat, which has the address it
/// comes from probed (Relocation), must come from the peer's address. Weave Net peers stay
/// compatible: both of their sockets send from the host that sends the heartbeats, and when its
/// address changes, the next heartbeat announces it. The port is not compared: NAT may give each
/// socket its own.
void LaneReceiver::walk(Lane& lane, Peer& peer, std::span<std::byte> body,
                        const Arrival& arrival) noexcept {
  const net::Endpoint& from = arrival.from;
  const PathView& view = peer.path.read();
  const bool is_trusted = peer.is_encrypted() || !view.remote ||
                          from.address == view.remote->address || from.address == peer.tcp_address;
  const auto drop = [&](Drop reason) { context_.counters.drop_on_lane(lane.index(), reason); };
  RecordReader reader(body);
  auto headroom = static_cast<std::uint32_t>(
      arrival.headroom + static_cast<std::size_t>(body.data() - arrival.octets.data()) +
      record_header_bytes);
  while (const auto record = reader.next()) {
    const FrameKind kind = classify(record->frame);
    if (kind == FrameKind::undecodable) {
      drop(Drop::undecodable_frame);
    } else if (!is_trusted && kind != FrameKind::heartbeat) {
      drop(Drop::wrong_address);
    } else if (kind != FrameKind::data) {
      handle_special(lane, peer, *record, kind, from);
    } else {
      peer.pulse.heard(lane.now());
      peer.frames_in.add_on_lane(lane.index());
      run_.add(lane, record->source, record->destination,
               {.data = record->frame.data(),
                .length = static_cast<std::uint32_t>(record->frame.size()),
                .headroom = headroom});
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

}  // namespace weft::sleeve
