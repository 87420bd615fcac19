/// Fills one half of the queue while the other is delivered.
#include "report_queue.hpp"

#include <span>

namespace weft::inner {

bool ReportQueue::add(const Frame& frame, std::uint32_t mtu, PeerName source,
                      PeerName destination) noexcept {
  Half& half = (*halves_)[filling_];
  if (half.count == half.list.size()) {
    return false;
  }
  Report& next = half.list[half.count];
  next.length = static_cast<std::uint32_t>(
      write_too_big_report(frame.bytes(), mtu, std::span(next.buffer).subspan(frame_headroom)));
  next.source = destination;
  next.destination = source;
  half.count += next.length != 0 ? 1 : 0;
  return true;
}

unsigned ReportQueue::deliver(Lane& lane, Dataplane& dataplane) noexcept {
  Half& ready = (*halves_)[filling_];
  filling_ = 1 - filling_;
  for (std::size_t i = 0; i < ready.count; ++i) {
    Report& report = ready.list[i];
    const Frame frame{.data = report.buffer.data() + frame_headroom,
                      .length = report.length,
                      .headroom = frame_headroom};
    dataplane.from_overlay(lane, {report.source, report.destination, {&frame, 1}});
  }
  const auto count = static_cast<unsigned>(ready.count);
  ready.count = 0;
  return count;
}

}  // namespace weft::inner
