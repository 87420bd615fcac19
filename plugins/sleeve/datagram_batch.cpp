/// sendmmsg with UDP_SEGMENT, and what to do when the kernel takes neither.
#include "datagram_batch.hpp"

#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>

namespace weft::sleeve {
namespace {

constexpr auto refusal_holds = std::chrono::seconds{10};

/// Where the kernel cannot segment: EIO without checksum offload or with IPsec (before 6.11),
/// EINVAL where it has no such option or its view of the path is narrower (before 6.9).
bool is_refusal(int error) noexcept {
  return error == EIO || error == EINVAL || error == EOPNOTSUPP;
}

}  // namespace

/// Larger ones than the path takes are the network's to fragment, one by one.
bool DatagramBatch::joins_last(const Lane& lane, const Peer& peer, const PathView& view,
                               const DatagramSize& size) const noexcept {
  if (message_count_ == 0) {
    return false;
  }
  const Message& last = messages_[message_count_ - 1];
  return last.peer == &peer && size.bytes <= last.segment_bytes &&
         last.bytes == last.datagrams * last.segment_bytes && last.datagrams < max_segments &&
         last.bytes + size.bytes <= max_datagram_bytes && last.segment_bytes <= view.max_payload &&
         peer.may_segment(lane.now());
}

void DatagramBatch::add(const Lane& lane, Peer& peer, const PathView& view,
                        const DatagramSize& size) noexcept {
  if (joins_last(lane, peer, view, size)) {
    Message& last = messages_[message_count_ - 1];
    msghdr& header = headers_[message_count_ - 1].msg_hdr;
    header.msg_iovlen += size.pieces;
    if (last.datagrams == 1) {
      view.destination.apply(header, last.control, static_cast<std::uint16_t>(last.segment_bytes));
    }
    ++last.datagrams;
    last.frames += size.frames;
    last.bytes += size.bytes;
  } else {
    msghdr& header = headers_[message_count_].msg_hdr;
    header = {};
    header.msg_iov = next_pieces();
    header.msg_iovlen = size.pieces;
    view.destination.apply(header);
    Message& message = messages_[message_count_++];
    message.peer = &peer;
    message.datagrams = 1;
    message.frames = size.frames;
    message.bytes = size.bytes;
    message.segment_bytes = size.bytes;
  }
  piece_count_ += size.pieces;
}

void DatagramBatch::transmit(Lane& lane) noexcept {
  unsigned done = 0;
  while (done < message_count_) {
    const unsigned end = end_of_peer(done);
    const int sent =
        sendmmsg(messages_[done].peer->socket(df_class_), &headers_[done], end - done, 0);
    if (sent <= 0) {
      done += give_up(lane, done, end, sent == 0 ? EIO : errno);
      continue;
    }
    for (const unsigned unsent = done + static_cast<unsigned>(sent); done < unsent; ++done) {
      count_sent(lane, messages_[done]);
    }
  }
  message_count_ = 0;
  piece_count_ = 0;
}

unsigned DatagramBatch::end_of_peer(unsigned index) const noexcept {
  unsigned end = index + 1;
  while (end < message_count_ && messages_[end].peer == messages_[index].peer) {
    ++end;
  }
  return end;
}

unsigned DatagramBatch::give_up(Lane& lane, unsigned index, unsigned end, int error) noexcept {
  if (error == EINTR) {
    return 0;
  }
  Message& message = messages_[index];
  if (error == EAGAIN) {  // the peer's socket is full: so it is for all that follow
    for (unsigned i = index; i < end; ++i) {
      context_.counters.drop_on_lane(lane.index(), Drop::would_block, messages_[i].frames);
    }
    return end - index;
  }
  if (message.datagrams > 1 && is_refusal(error)) {
    message.peer->refuse_segments(lane.now() + refusal_holds);
    send_apart(lane, index);
  } else {
    count_lost(lane, message, error);
  }
  return 1;
}

/// A datagram's pieces lie side by side, and end where it ends. How many frames each holds is not
/// known any more; the message's are counted with its first datagram.
void DatagramBatch::send_apart(Lane& lane, unsigned index) noexcept {
  const Message& message = messages_[index];
  msghdr header = headers_[index].msg_hdr;
  iovec* piece = header.msg_iov;
  const iovec* const end = piece + header.msg_iovlen;
  std::uint32_t frames = message.frames;
  while (piece != end) {
    Message one{.peer = message.peer,
                .datagrams = 1,
                .frames = std::exchange(frames, 0),
                .bytes = 0,
                .segment_bytes = 0,
                .control = {}};
    header.msg_iov = piece;
    for (; piece != end && one.bytes < message.segment_bytes; ++piece) {
      one.bytes += static_cast<std::uint32_t>(piece->iov_len);
    }
    header.msg_iovlen = static_cast<std::size_t>(piece - header.msg_iov);
    message.peer->path.read().destination.apply(header);
    if (sendmsg(message.peer->socket(df_class_), &header, 0) >= 0) {
      count_sent(lane, one);
    } else {
      count_lost(lane, one, errno);
    }
  }
}

void DatagramBatch::count_sent(Lane& lane, const Message& message) noexcept {
  message.peer->frames_out.add_on_lane(lane.index(), message.frames);
  message.peer->bytes_out.add_on_lane(lane.index(), message.bytes);
  context_.counters.datagrams_out.add_on_lane(lane.index(), message.datagrams);
  context_.counters.frames_out.add_on_lane(lane.index(), message.frames);
  context_.counters.bytes_out.add_on_lane(lane.index(), message.bytes);
}

void DatagramBatch::count_lost(Lane& lane, const Message& message, int error) noexcept {
  if (error != EMSGSIZE) {
    context_.counters.drop_on_lane(
        lane.index(), error == EAGAIN ? Drop::would_block : Drop::send_failed, message.frames);
    return;
  }
  context_.counters.drop_on_lane(lane.index(), Drop::message_too_big, message.frames);
  if (context_.events.push(
          {.kind = LaneEvent::Kind::message_too_big, .connection = message.peer->connection})) {
    context_.doorbell.ring();
  } else {
    context_.counters.drop_on_lane(lane.index(), Drop::events_full);
  }
}

}  // namespace weft::sleeve
