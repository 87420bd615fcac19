/// Fills one half of the queue while the other is delivered.
#include <weft/overlay/report_queue.hpp>

#include <span>

namespace weft::overlay {

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

template <class HandOver>
unsigned ReportQueue::drain(HandOver hand_over) noexcept {
  Half& ready = (*halves_)[filling_];
  filling_ = 1 - filling_;
  for (std::size_t i = 0; i < ready.count; ++i) {
    Report& report = ready.list[i];
    const Frame frame{.data = report.buffer.data() + frame_headroom,
                      .length = report.length,
                      .headroom = frame_headroom};
    hand_over(report, frame);
  }
  const auto count = static_cast<unsigned>(ready.count);
  ready.count = 0;
  return count;
}

unsigned ReportQueue::deliver(Lane& lane, Dataplane& dataplane) noexcept {
  return drain([&](const Report& report, const Frame& frame) {
    dataplane.from_overlay(lane, {report.source, report.destination, {&frame, 1}});
  });
}

unsigned ReportQueue::deliver_from_bridge(Lane& lane, Dataplane& dataplane) noexcept {
  return drain([&](const Report& /*report*/, const Frame& frame) {
    dataplane.from_bridge(lane, {&frame, 1});
  });
}

}  // namespace weft::overlay
