/// Reads misses in batches, hands them to the dataplane, and tells the loop which flows to make.

#include "lane_port.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "upcall.hpp"

namespace weft::odp {
namespace {

constexpr std::size_t slots = 32;
/// A jumbo frame with its attributes; what is longer is cut off and dropped.
constexpr std::size_t slot_bytes = 10240;

}  // namespace

/// Messages of one turn. Frames stay inside them until its end.
struct LanePort::Arena {
  std::array<std::array<std::byte, frame_headroom + slot_bytes>, slots> octets;
  std::array<iovec, slots> vectors;
  std::array<mmsghdr, slots> messages;
};

/// Consecutive frames that entered alike, so that the dataplane sees batches.
struct LanePort::Run {
  bool is_local = true;
  std::uint32_t tunnel_id = 0;
  std::array<Frame, slots> frames;
  std::size_t count = 0;
};

LanePort::LanePort(const Context& context, NetlinkPort port)
    : context_(context),
      port_(std::move(port)),
      sender_(context.packet_family, context.datapath, port_),
      arena_(std::make_shared<Arena>()) {
  for (std::size_t i = 0; i < slots; ++i) {
    arena_->vectors[i] = {arena_->octets[i].data() + frame_headroom, slot_bytes};
    arena_->messages[i] = {};
    arena_->messages[i].msg_hdr.msg_iov = &arena_->vectors[i];
    arena_->messages[i].msg_hdr.msg_iovlen = 1;
  }
}

unsigned LanePort::poll(Lane& lane, unsigned budget) noexcept {
  const int got = ::recvmmsg(port_.fd(), arena_->messages.data(),
                             static_cast<unsigned>(std::min<std::size_t>(budget, slots)),
                             MSG_DONTWAIT, nullptr);
  if (got < 0) {
    if (errno == ENOBUFS) {
      context_.counters.overruns.add_on_lane(lane.index());
      return 1;  // what is queued can be read now
    }
    return 0;
  }
  Run run;
  for (int i = 0; i < got; ++i) {
    const mmsghdr& received = arena_->messages[static_cast<std::size_t>(i)];
    auto& message = *reinterpret_cast<nlmsghdr*>(received.msg_hdr.msg_iov->iov_base);
    const bool is_whole = (received.msg_hdr.msg_flags & MSG_TRUNC) == 0 &&
                          received.msg_len >= NLMSG_HDRLEN && message.nlmsg_len <= received.msg_len;
    if (is_whole && message.nlmsg_type == NLMSG_ERROR) {
      context_.counters.execute_errors.add_on_lane(lane.index());
    } else if (is_whole) {
      take(lane, message, run);
    }
  }
  finish(lane, run);
  return static_cast<unsigned>(got);
}

void LanePort::take(Lane& lane, nlmsghdr& message, Run& run) noexcept {
  const auto upcall = parse_upcall(message, context_.packet_family);
  if (!upcall) {
    return;
  }
  LaneEvent event{.key = {.in_port = upcall->in_port, .tunnel = upcall->tunnel}};
  if (upcall->tunnel) {
    if (const auto heartbeat = parse_heartbeat(upcall->frame)) {
      context_.counters.heartbeats.add_on_lane(lane.index());
      event.is_heartbeat = true;
      event.uid = heartbeat->uid;
      event.frame_bytes =
          heartbeat->frame_bytes == upcall->frame.size() ? heartbeat->frame_bytes : 0;
      tell(lane, event);
      return;
    }
    if (!context_.view.read().believes(*upcall->tunnel)) {
      context_.counters.strangers.add_on_lane(lane.index());
      return;
    }
  } else if (upcall->in_port != context_.view.read().bridge) {
    return;  // the datapath's own device: nobody is there
  }
  context_.counters.misses.add_on_lane(lane.index());
  event.key.macs =
      MacPair{net::Mac::load(upcall->frame.data() + 6), net::Mac::load(upcall->frame.data())};
  tell(lane, event);

  const bool is_local = !upcall->tunnel;
  const std::uint32_t id = upcall->tunnel ? upcall->tunnel->id : 0;
  if (run.count != 0 && (run.is_local != is_local || run.tunnel_id != id)) {
    finish(lane, run);
  }
  run.is_local = is_local;
  run.tunnel_id = id;
  run.frames[run.count++] = {.data = upcall->frame.data(),
                             .length = static_cast<std::uint32_t>(upcall->frame.size()),
                             .headroom = frame_headroom};
}

void LanePort::finish(Lane& lane, Run& run) noexcept {
  const std::span<const Frame> frames{run.frames.data(), std::exchange(run.count, 0)};
  if (frames.empty()) {
    return;
  }
  if (run.is_local) {
    context_.dataplane.from_bridge(lane, frames);
    return;
  }
  const PeerIds& ids = context_.view.read().ids;
  const PeerName source = ids.peer(source_of(run.tunnel_id));
  const PeerName destination = ids.peer(destination_of(run.tunnel_id));
  if (source == PeerName{} || destination == PeerName{}) {
    context_.counters.unknown_tunnel.add_on_lane(lane.index(), frames.size());
    return;
  }
  context_.dataplane.from_overlay(lane, {source, destination, frames});
}

void LanePort::tell(Lane& lane, const LaneEvent& event) noexcept {
  if (!events_.push(event)) {
    context_.counters.events_lost.add_on_lane(lane.index());
  }
  context_.bell.ring();
}

std::size_t LanePort::forward(Lane& lane, PeerName source, PeerName destination,
                              const TunnelOutput& out, std::span<const Frame> batch) noexcept {
  const PeerIds& ids = context_.view.read().ids;
  const auto from = ids.id(source);
  const auto to = ids.id(destination);
  if (!from || !to) {
    context_.counters.no_short_id.add_on_lane(lane.index(), batch.size());
    return 0;
  }
  TunnelOutput output = out;
  output.tunnel.id = tunnel_id(*from, *to);
  for (const Frame& frame : batch) {
    if (!sender_.stage(frame.bytes(), output)) {
      flush(lane);
      static_cast<void>(sender_.stage(frame.bytes(), output));
    }
  }
  return batch.size();
}

void LanePort::flush(Lane& lane) noexcept {
  const std::size_t staged = sender_.staged();
  const std::size_t refused = sender_.flush();
  context_.counters.executed.add_on_lane(lane.index(), staged - refused);
  if (refused != 0) {
    context_.counters.execute_errors.add_on_lane(lane.index(), refused);
  }
}

}  // namespace weft::odp
