/// Batched reads and writes of tap queues on lanes.

#include "tap_port.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <weft/net/headers.hpp>
#include <weft/overlay/fragment.hpp>
#include <weft/overlay/packet.hpp>

#include "vnet_header.hpp"

namespace weft::bridge {
namespace {

/// The largest thing the kernel hands over: a 64 KiB IP packet with Ethernet and two VLAN tags.
constexpr std::size_t largest_frame = 65535 + 14 + 8;
constexpr std::size_t frame_room = frame_headroom + vnet_header_bytes + largest_frame;
/// Room for a batch of usual frames, or for a few GSO packets: what a lane then segments fits its
/// scratch, and other tasks get their turn.
constexpr std::size_t arena_bytes = 4 * frame_room;
constexpr std::size_t cache_line = 64;

}  // namespace

PortCounters::PortCounters(Metrics& metrics)
    : read_frames(metrics.counter("weft_bridge_read_frames_total",
                                  "Frames read from the bridge, GSO packets as one.")),
      read_bytes(metrics.counter("weft_bridge_read_bytes_total", "Bytes of those frames.")),
      read_errors(metrics.counter("weft_bridge_read_errors_total", "Reads that failed.")),
      bad_headers(metrics.counter("weft_bridge_bad_headers_total",
                                  "Frames whose offload header makes no sense.")),
      written_frames(
          metrics.counter("weft_bridge_written_frames_total", "Frames put on the bridge.")),
      written_bytes(metrics.counter("weft_bridge_written_bytes_total", "Bytes of those frames.")),
      writes(metrics.counter("weft_bridge_writes_total",
                             "Packets that those frames were written as, joined frames as one.")),
      written_oversized(metrics.counter("weft_bridge_written_oversized_total",
                                        "Of those, frames above the pods' MTU, which the kernel "
                                        "drops at their interfaces: a peer's pods have a larger "
                                        "one.")),
      too_big(
          metrics.counter("weft_bridge_too_big_frames_total",
                          "Frames of peers above the pods' MTU that were cut into fragments, or "
                          "answered with ICMP.")),
      write_refused(
          metrics.counter("weft_bridge_write_refused_total", "Frames the bridge had no room for.")),
      write_errors(
          metrics.counter("weft_bridge_write_errors_total", "Frames the kernel rejected.")) {}

QueueReader::QueueReader(int fd, TapPort& port, Dataplane& dataplane)
    : fd_(fd), port_(port), dataplane_(dataplane), arena_(arena_bytes) {}

bool QueueReader::read_one(Lane& lane, std::size_t at, Frame& frame, std::size_t& used) noexcept {
  std::byte* const header = arena_.data() + at + frame_headroom;
  used = 0;
  const ssize_t got = ::read(fd_, header, vnet_header_bytes + largest_frame);
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR) {
      port_.counters().read_errors.add_on_lane(lane.index());
    }
    return false;
  }
  const auto bytes = static_cast<std::size_t>(got);
  const auto offload = parse_vnet_header({header, bytes});
  if (!offload) {
    port_.counters().bad_headers.add_on_lane(lane.index());
    return true;
  }
  used = frame_headroom + bytes;
  frame = {header + vnet_header_bytes, static_cast<std::uint32_t>(bytes - vnet_header_bytes),
           frame_headroom + vnet_header_bytes, *offload};
  return true;
}

unsigned QueueReader::poll(Lane& lane, unsigned budget) noexcept {
  const unsigned reported = port_.deliver_reports(lane, dataplane_);
  std::array<Frame, max_batch> frames;
  const std::size_t limit = std::min<std::size_t>(budget, frames.size());
  std::size_t count = 0;
  std::size_t at = 0;
  std::size_t bytes = 0;
  while (count < limit && at + frame_room <= arena_.size()) {
    std::size_t used = 0;
    if (!read_one(lane, at, frames[count], used)) {
      break;
    }
    if (used != 0) {
      bytes += frames[count].length;
      ++count;
      at += (used + cache_line - 1) / cache_line * cache_line;
    }
  }
  if (count != 0) {
    port_.counters().read_frames.add_on_lane(lane.index(), count);
    port_.counters().read_bytes.add_on_lane(lane.index(), bytes);
    dataplane_.from_bridge(lane, {frames.data(), count});
  }
  return static_cast<unsigned>(count) + reported;
}

void QueueReader::flush(Lane& lane) noexcept {
  port_.flush(lane);
}

TapPort::TapPort(Tap tap, std::uint32_t mtu, Metrics& metrics)
    : tap_(std::move(tap)), mtu_(mtu), counters_(metrics), reports_(tap_.queues.size()) {
  waiting_.reserve(tap_.queues.size());
  for (std::size_t i = 0; i < tap_.queues.size(); ++i) {
    waiting_.emplace_back(tap_.cuts_udp);
  }
}

std::size_t TapPort::inject(Lane& lane, std::span<const Frame> batch) noexcept {
  const std::uint32_t mtu = mtu_.load(std::memory_order_relaxed);
  for (const Frame& frame : batch) {
    const bool fits = frame.length <= mtu + net::ethernet_header_bytes || !frame.offload.is_plain();
    if (fits || !replace(lane, frame, mtu)) {
      write(lane, frame);
    }
  }
  return batch.size();
}

void TapPort::write(Lane& lane, const Frame& frame) noexcept {
  Coalescer& waiting = waiting_[lane.index()];
  if (!waiting.add(frame)) {
    flush(lane);
    static_cast<void>(waiting.add(frame));
  }
}

bool TapPort::replace(Lane& lane, const Frame& frame, std::uint32_t mtu) noexcept {
  const overlay::Handling handling = overlay::plan(frame.bytes(), {.mtu = mtu});
  if (handling == overlay::Handling::report_too_big) {
    static_cast<void>(reports_[lane.index()].add(frame, mtu, {}, {}));
  } else if (handling == overlay::Handling::fragment) {
    const auto packet = overlay::parse_ipv4(frame.bytes());
    const overlay::Fragmenter fragmenter(frame.bytes(), *packet, mtu);
    for (std::size_t i = 0; i < fragmenter.count(); ++i) {
      Frame piece = lane.scratch(static_cast<std::uint32_t>(fragmenter.max_bytes()));
      if (piece.data == nullptr) {
        return true;
      }
      piece.length =
          static_cast<std::uint32_t>(fragmenter.write(i, {piece.data, fragmenter.max_bytes()}));
      write(lane, piece);
    }
  } else {
    return false;
  }
  counters_.too_big.add_on_lane(lane.index());
  return true;
}

unsigned TapPort::deliver_reports(Lane& lane, Dataplane& dataplane) noexcept {
  return reports_[lane.index()].deliver_from_bridge(lane, dataplane);
}

void TapPort::flush(Lane& lane) noexcept {
  Coalescer& waiting = waiting_[lane.index()];
  if (waiting.is_empty()) {
    return;
  }
  const int fd = tap_.queues[lane.index()].fd();
  std::size_t bytes = 0;
  std::size_t frames = 0;
  std::size_t writes = 0;
  std::size_t rejected = 0;
  std::size_t oversized = 0;
  const std::uint32_t largest_forwarded = mtu_.load(std::memory_order_relaxed) + link_overhead;
  const std::size_t refused = waiting.drain([&](const Coalescer::Packet& packet) {
    if (::writev(fd, packet.parts.data(), static_cast<int>(packet.parts.size())) >= 0) {
      bytes += packet.bytes;
      frames += packet.frames;
      oversized += packet.largest_bytes > largest_forwarded ? packet.frames : 0;
      ++writes;
      return true;
    }
    if (errno == EAGAIN || errno == ENOBUFS) {
      return false;
    }
    rejected += packet.frames;  // such as EIO while the link is down; the next may do better
    return true;
  });
  const auto count = [&lane](Counter& counter, std::size_t n) {
    if (n != 0) {
      counter.add_on_lane(lane.index(), n);
    }
  };
  count(counters_.written_frames, frames);
  count(counters_.written_bytes, bytes);
  count(counters_.writes, writes);
  count(counters_.written_oversized, oversized);
  count(counters_.write_errors, rejected);
  count(counters_.write_refused, refused);
}

PortReaders::PortReaders(TapPort& port, Lanes& lanes, Dataplane& dataplane) {
  unsigned lane = 0;
  for (const Queue& queue : port.tap().queues) {
    readers_.push_back(std::make_unique<QueueReader>(queue.fd(), port, dataplane));
    registrations_.push_back(lanes.add(lane++, *readers_.back(), {queue.fd()}));
  }
}

}  // namespace weft::bridge
