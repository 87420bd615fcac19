/// Forwarding decisions and the poll cycle of one lane.
#include "lane_port.hpp"

namespace weft::sleeve {

LanePort::LanePort(const Context& context, Sockets sockets)
    : context_(context),
      sockets_(std::move(sockets)),
      receiver_({context.self, context.dataplane, context.peers, context.counters, events_,
                 context.doorbell}),
      sender_(context.self, {context.counters, events_, context.doorbell}) {}

unsigned LanePort::poll(Lane& lane, unsigned budget) noexcept {
  receiver_.begin_cycle();
  unsigned handled = fitter_.deliver(lane, context_.dataplane);
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

void LanePort::forward(Lane& lane, Peer& peer, const PathView& view,
                       const OverlayBatch& batch) noexcept {
  const overlay::Unfit unfit =
      fitter_.fit(lane, batch, view.limits, [&](const Frame& frame, bool may_fragment) {
        stage(lane, peer, may_fragment ? DfClass::may_fragment : DfClass::dont_fragment, frame,
              batch);
      });
  if (unfit.narrow + unfit.unreported + unfit.no_buffer != 0) {
    context_.counters.drop_on_lane(lane.index(), Drop::too_big, unfit.narrow);
    context_.counters.drop_on_lane(lane.index(), Drop::too_big_unreported, unfit.unreported);
    context_.counters.drop_on_lane(lane.index(), Drop::no_buffer, unfit.no_buffer);
  }
}

void LanePort::stage(Lane& lane, Peer& peer, DfClass df_class, const Frame& frame,
                     const OverlayBatch& batch) noexcept {
  const Frame placed =
      overlay::with_headroom(lane, frame, record_header_bytes, context_.counters.copies);
  if (placed.data == nullptr) {
    context_.counters.drop_on_lane(lane.index(), Drop::no_buffer);
    return;
  }
  std::byte* const record = placed.data - record_header_bytes;
  write_record_header(record, batch.source, batch.destination, placed.length);
  sender_.stage(lane, peer, df_class,
                {.bytes = record,
                 .length = placed.length + static_cast<std::uint32_t>(record_header_bytes),
                 .room = placed.headroom - static_cast<std::uint32_t>(record_header_bytes)});
}

}  // namespace weft::sleeve
