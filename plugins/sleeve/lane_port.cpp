/// Forwarding decisions and the turn of one lane.
#include "lane_port.hpp"

#include <cstring>

#include <weft/overlay/fragment.hpp>
#include <weft/overlay/packet.hpp>

namespace weft::sleeve {

LanePort::LanePort(const Context& context, Sockets sockets)
    : context_(context),
      sockets_(std::move(sockets)),
      receiver_({context.self, context.dataplane, context.peers, context.counters, events_,
                 context.doorbell}),
      sender_(context.self, {context.counters, events_, context.doorbell}) {}

unsigned LanePort::poll(Lane& lane, unsigned budget) noexcept {
  receiver_.begin_turn();
  unsigned handled = reports_.deliver(lane, context_.dataplane);
  // Both sockets get datagrams, whichever the peer used. They take turns at being first, so that
  // a flood on one cannot starve the other.
  const std::size_t first = is_second_first_ ? 1 : 0;
  is_second_first_ = !is_second_first_;
  const unsigned got = receiver_.receive(lane, sockets_[first].get(), budget);
  handled += got;
  if (got < budget) {
    handled += receiver_.receive(lane, sockets_[1 - first].get(), budget - got);
  }
  return handled;
}

void LanePort::flush(Lane& lane) noexcept {
  sender_.flush(lane);
}

void LanePort::forward(Lane& lane, Peer& peer, const PathView& view,
                       const OverlayBatch& batch) noexcept {
  using overlay::Handling;
  for (const Frame& frame : batch.frames) {
    switch (overlay::plan(frame.bytes(), view.limits)) {
      case Handling::send_dont_fragment:
        stage(lane, peer, Space::dont_fragment, frame, batch);
        break;
      case Handling::send_may_fragment:
        stage(lane, peer, Space::may_fragment, frame, batch);
        break;
      case Handling::fragment:
        fragment(lane, peer, frame, view.limits.mtu, batch);
        break;
      case Handling::report_too_big:
        report(lane, frame, view.limits.mtu, batch);
        break;
      case Handling::drop_too_big:
        context_.counters.drop_on_lane(lane.index(), Drop::too_big_unreported);
        break;
    }
  }
}

void LanePort::stage(Lane& lane, Peer& peer, Space space, const Frame& frame,
                     const OverlayBatch& batch) noexcept {
  Frame placed = frame;
  if (frame.headroom < record_header_bytes) {
    placed = lane.scratch(frame.length);
    if (placed.data == nullptr) {
      context_.counters.drop_on_lane(lane.index(), Drop::no_buffer);
      return;
    }
    std::memcpy(placed.data, frame.data, frame.length);
    placed.length = frame.length;
    context_.counters.copies.add_on_lane(lane.index());
  }
  std::byte* const record = placed.data - record_header_bytes;
  write_record_header(record, batch.source, batch.destination, placed.length);
  sender_.stage(lane, peer, space,
                {.bytes = record,
                 .length = placed.length + static_cast<std::uint32_t>(record_header_bytes),
                 .room = placed.headroom - static_cast<std::uint32_t>(record_header_bytes)});
}

void LanePort::fragment(Lane& lane, Peer& peer, const Frame& frame, std::uint32_t mtu,
                        const OverlayBatch& batch) noexcept {
  const auto packet = overlay::parse_ipv4(frame.bytes());
  const overlay::Fragmenter fragmenter(frame.bytes(), *packet, mtu);
  if (fragmenter.count() == 0) {
    context_.counters.drop_on_lane(lane.index(), Drop::too_big);
    return;
  }
  for (std::size_t i = 0; i < fragmenter.count(); ++i) {
    Frame piece = lane.scratch(static_cast<std::uint32_t>(fragmenter.max_bytes()));
    if (piece.data == nullptr) {
      context_.counters.drop_on_lane(lane.index(), Drop::no_buffer);
      return;
    }
    piece.length =
        static_cast<std::uint32_t>(fragmenter.write(i, {piece.data, fragmenter.max_bytes()}));
    stage(lane, peer, Space::dont_fragment, piece, batch);
  }
}

void LanePort::report(Lane& lane, const Frame& frame, std::uint32_t mtu,
                      const OverlayBatch& batch) noexcept {
  if (!reports_.add(frame, mtu, batch.source, batch.destination)) {
    context_.counters.drop_on_lane(lane.index(), Drop::no_buffer);
  }
}

}  // namespace weft::sleeve
