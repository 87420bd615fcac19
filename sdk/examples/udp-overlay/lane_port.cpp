/// recvmmsg, encapsulation in place and sendmmsg on a lane.

#include "lane_port.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weft::udp_overlay {

LanePort::LanePort(unsigned lane, Dataplane& dataplane, const LaneLocal<PeerTable>& peers,
                   Counters& counters, Fd socket)
    : lane_(lane),
      dataplane_(dataplane),
      peers_(peers),
      counters_(counters),
      socket_(std::move(socket)),
      memory_(std::make_unique_for_overwrite<std::byte[]>(slots * stride)) {
  for (unsigned i = 0; i < slots; ++i) {
    incoming_.pieces[i] = {slot(i), slot_bytes};
    incoming_.headers[i].msg_hdr.msg_iov = &incoming_.pieces[i];
    incoming_.headers[i].msg_hdr.msg_iovlen = 1;
    outgoing_.headers[i].msg_hdr.msg_iov = &outgoing_.pieces[i];
    outgoing_.headers[i].msg_hdr.msg_iovlen = 1;
  }
}

/// One batch per turn, so that its frames lie still until the flush.
unsigned LanePort::poll(Lane& lane, unsigned budget) noexcept {
  const int got = recvmmsg(socket_.get(), incoming_.headers.data(), std::min(budget, slots),
                           MSG_DONTWAIT, nullptr);
  if (got <= 0) {
    return 0;
  }
  const auto count = static_cast<unsigned>(got);
  for (unsigned i = 0; i < count; ++i) {
    handle(lane, {slot(i), incoming_.headers[i].msg_len});
  }
  deliver(lane);
  return count;
}

void LanePort::handle(Lane& lane, std::span<std::byte> octets) noexcept {
  const auto datagram = parse(octets);
  if (!datagram) {
    counters_.drop_on_lane(lane_, Drop::malformed);
    return;
  }
  Peer* const peer = peers_.read().find(datagram->header.connection);
  if (peer == nullptr) {
    counters_.drop_on_lane(lane_, Drop::unknown_connection);
    return;
  }
  peer->heard(lane.now());
  if (datagram->header.kind == Kind::heartbeat) {
    peer->heard(heartbeat_of(*datagram));
  } else {
    collect(lane, *datagram);
  }
}

void LanePort::collect(Lane& lane, const Datagram& datagram) noexcept {
  const Header& header = datagram.header;
  if (header.source != run_source_ || header.destination != run_destination_) {
    deliver(lane);
    run_source_ = header.source;
    run_destination_ = header.destination;
  }
  run_[run_length_++] = {.data = datagram.body.data(),
                         .length = header.length,
                         .headroom = frame_headroom + header_bytes};
}

void LanePort::deliver(Lane& lane) noexcept {
  if (run_length_ == 0) {
    return;
  }
  counters_.frames_in.add_on_lane(lane_, run_length_);
  const OverlayBatch batch{run_source_, run_destination_, {run_.data(), run_length_}};
  run_length_ = 0;
  dataplane_.from_overlay(lane, batch);
}

void LanePort::forward(Lane& lane, const Peer& peer, const OverlayBatch& batch) noexcept {
  const Path& path = peer.path.read();
  for (const Frame& frame : batch.frames) {
    if (frame.length > path.max_frame_bytes) {
      counters_.drop_on_lane(lane_, Drop::too_big);
      continue;
    }
    Frame placed = frame;
    if (frame.headroom < header_bytes) {
      placed = lane.scratch(frame.length);
      if (placed.data == nullptr) {
        counters_.drop_on_lane(lane_, Drop::no_buffer);
        continue;
      }
      std::memcpy(placed.data, frame.data, frame.length);
      counters_.copies.add_on_lane(lane_);
    }
    std::byte* const datagram = placed.data - header_bytes;
    write_header(datagram, {Kind::frame, peer.connection, batch.source, batch.destination,
                            static_cast<std::uint16_t>(frame.length)});
    if (outgoing_.count == slots) {
      transmit();
    }
    outgoing_.pieces[outgoing_.count] = {datagram, header_bytes + frame.length};
    path.destination.apply(outgoing_.headers[outgoing_.count].msg_hdr);
    ++outgoing_.count;
  }
}

void LanePort::flush(Lane& /*lane*/) noexcept {
  transmit();
}

void LanePort::transmit() noexcept {
  unsigned done = 0;
  while (done < outgoing_.count) {
    const int sent =
        sendmmsg(socket_.get(), &outgoing_.headers[done], outgoing_.count - done, MSG_DONTWAIT);
    if (sent <= 0) {
      done += give_up(done, sent == 0 ? EIO : errno);
      continue;
    }
    counters_.frames_out.add_on_lane(lane_, static_cast<std::uint64_t>(sent));
    done += static_cast<unsigned>(sent);
  }
  outgoing_.count = 0;
}

unsigned LanePort::give_up(unsigned index, int error) noexcept {
  switch (error) {
    case EINTR:
      return 0;
    case EAGAIN: {  // the socket is full: so it is for all that follow
      const unsigned rest = outgoing_.count - index;
      counters_.drop_on_lane(lane_, Drop::would_block, rest);
      return rest;
    }
    case EMSGSIZE:  // a router knows of a smaller MTU; the next heartbeat asks the kernel for it
      counters_.drop_on_lane(lane_, Drop::too_big);
      return 1;
    default:
      counters_.drop_on_lane(lane_, Drop::send_failed);
      return 1;
  }
}

}  // namespace weft::udp_overlay
