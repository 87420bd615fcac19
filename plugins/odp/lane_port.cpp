/// Reads misses in batches, hands them to the dataplane, and tells the loop which flows to make.

#include "lane_port.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace weft::odp {
namespace {

/// The longest attribute, a frame, with all that comes before it.
constexpr std::size_t slot_bytes = 65536 + 1024;

}  // namespace

LanePort::LanePort(const Context& context, NetlinkPort port)
    : context_(context),
      port_(std::move(port)),
      sender_(context.packet_family, port_),
      incoming_(slot_bytes) {}

unsigned LanePort::poll(Lane& lane, unsigned budget) noexcept {
  const unsigned reported = fitter_.deliver(lane, context_.dataplane);
  const int got =
      incoming_.receive(port_.fd(), 0, std::min(budget, unsigned{overlay::ReceiveBuffers::slots}));
  if (got < 0) {
    if (errno == ENOBUFS) {
      context_.counters.overruns.add_on_lane(lane.index());
      return 1;  // what is queued can be read now
    }
    return reported;
  }
  Run run;
  for (unsigned i = 0; i < static_cast<unsigned>(got); ++i) {
    const auto octets = incoming_.octets(i);
    auto& message = *reinterpret_cast<nlmsghdr*>(octets.data());
    const bool is_whole = !incoming_.is_truncated(i) && octets.size() >= NLMSG_HDRLEN &&
                          message.nlmsg_len <= octets.size();
    if (is_whole && message.nlmsg_type == NLMSG_ERROR) {
      context_.counters.execute_errors.add_on_lane(lane.index());
    } else if (is_whole) {
      take(lane, message, run);
    }
  }
  finish(lane, run);
  return static_cast<unsigned>(got) + reported;
}

void LanePort::take(Lane& lane, nlmsghdr& message, Run& run) noexcept {
  const auto upcall = parse_upcall(message, context_.packet_family);
  if (!upcall) {
    return;
  }
  LaneEvent event{.key = {.in_port = upcall->in_port, .tunnel = upcall->tunnel}};
  if (upcall->tunnel) {
    if (const auto heartbeat = fastdp::parse_heartbeat(upcall->frame)) {
      context_.counters.heartbeats.add_on_lane(lane.index());
      if (heartbeat->frame_bytes == upcall->frame.size()) {
        event.heartbeat = heartbeat;
        tell(lane, event);
      }
      return;
    }
    if (!context_.view.read().believes(upcall->in_port, *upcall->tunnel)) {
      context_.counters.strangers.add_on_lane(lane.index());
      return;
    }
  } else if (upcall->in_port != context_.view.read().bridge) {
    return;  // the datapath's own device: nobody is there
  }
  if (upcall->is_miss) {
    context_.counters.misses.add_on_lane(lane.index());
    event.key.macs =
        MacPair{net::Mac::load(upcall->frame.data() + 6), net::Mac::load(upcall->frame.data())};
    tell(lane, event);
  }

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
  const fastdp::PeerIds& ids = context_.view.read().ids;
  const PeerName source = ids.peer(fastdp::source_of(run.tunnel_id));
  const PeerName destination = ids.peer(fastdp::destination_of(run.tunnel_id));
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
  const fastdp::PeerIds& ids = context_.view.read().ids;
  const auto from = ids.id(source);
  const auto to = ids.id(destination);
  if (!from || !to) {
    context_.counters.no_short_id.add_on_lane(lane.index(), batch.size());
    return 0;
  }
  TunnelOutput output = out;
  output.tunnel.id = fastdp::tunnel_id(*from, *to);
  const overlay::Unfit unfit =
      fitter_.fit(lane, {source, destination, batch}, {.mtu = out.mtu, .kernels_fragment = false},
                  [&](const Frame& frame, bool /*may_fragment*/) { stage(lane, frame, output); });
  context_.counters.too_big.add_on_lane(
      lane.index(), unfit.fragmented + unfit.reported + unfit.unreported + unfit.narrow);
  context_.counters.no_buffer.add_on_lane(lane.index(), unfit.no_buffer);
  return batch.size();
}

void LanePort::stage(Lane& lane, const Frame& frame, const TunnelOutput& output) noexcept {
  const int datapath = context_.view.read().datapath;
  if (!sender_.stage(datapath, frame.bytes(), output)) {
    flush(lane);
    static_cast<void>(sender_.stage(datapath, frame.bytes(), output));
  }
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
