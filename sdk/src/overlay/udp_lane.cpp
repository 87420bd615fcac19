/// recvmmsg and sendmmsg on a lane.

#include <weft/overlay/udp_lane.hpp>

#include <algorithm>
#include <cerrno>

namespace weft::overlay {

UdpLane::UdpLane(const Context& context, UniqueFd socket)
    : context_(context),
      socket_(std::move(socket)),
      outgoing_(std::make_unique<Messages>()),
      run_(context.dataplane, context.counters.frames_in) {
  for (std::size_t i = 0; i < max_batch; ++i) {
    outgoing_->headers[i].msg_hdr.msg_iov = &outgoing_->pieces[i];
    outgoing_->headers[i].msg_hdr.msg_iovlen = 1;
  }
}

/// One batch per poll cycle, so that its frames lie still until the flush.
unsigned UdpLane::poll(Lane& lane, unsigned budget) noexcept {
  const unsigned reported = fitter_.deliver(lane, context_.dataplane);
  const int got =
      incoming_.receive(socket_.get(), 0, std::min(budget, unsigned{ReceiveBuffers::slots}));
  for (int i = 0; i < got; ++i) {
    on_datagram(lane, incoming_.octets(static_cast<unsigned>(i)));
  }
  run_.deliver(lane);
  return reported + static_cast<unsigned>(std::max(got, 0));
}

void UdpLane::deliver(Lane& lane, PeerName source, PeerName destination,
                      std::span<std::byte> octets, std::size_t header_bytes) noexcept {
  run_.add(lane, source, destination,
           {.data = octets.data() + header_bytes,
            .length = static_cast<std::uint32_t>(octets.size() - header_bytes),
            .headroom = static_cast<std::uint32_t>(frame_headroom + header_bytes)});
}

void UdpLane::stage(Lane& lane, const Destination& to, std::span<std::byte> octets) noexcept {
  if (staged_ == max_batch) {
    transmit(lane);
  }
  outgoing_->pieces[staged_] = {octets.data(), octets.size()};
  to.apply(outgoing_->headers[staged_].msg_hdr);
  ++staged_;
}

void UdpLane::flush(Lane& lane) noexcept {
  transmit(lane);
}

void UdpLane::transmit(Lane& lane) noexcept {
  unsigned done = 0;
  while (done < staged_) {
    const int sent =
        sendmmsg(socket_.get(), &outgoing_->headers[done], staged_ - done, MSG_DONTWAIT);
    if (sent <= 0) {
      done += give_up(lane, done, sent == 0 ? EIO : errno);
      continue;
    }
    context_.counters.frames_out.add_on_lane(lane.index(), static_cast<std::uint64_t>(sent));
    done += static_cast<unsigned>(sent);
  }
  staged_ = 0;
}

unsigned UdpLane::give_up(Lane& lane, unsigned index, int error) noexcept {
  switch (error) {
    case EINTR:
      return 0;
    case EAGAIN:  // the socket is full: so it is for all that follow
      drop(lane, Drop::would_block, staged_ - index);
      return staged_ - index;
    case EMSGSIZE:  // a router knows of a smaller MTU; the next heartbeat asks the kernel for it
      drop(lane, Drop::too_big);
      return 1;
    default:
      drop(lane, Drop::send_failed);
      return 1;
  }
}

void UdpLane::count(const Lane& lane, const Unfit& unfit) noexcept {
  drop(lane, Drop::too_big, unfit.reported + unfit.unreported + unfit.narrow);
  drop(lane, Drop::no_buffer, unfit.no_buffer);
}

}  // namespace weft::overlay
