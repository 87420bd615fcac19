#pragma once
/// Frames on their way from an overlay to the dataplane, in runs of one source and destination.

#include <array>
#include <cstddef>

#include <weft/lane.hpp>
#include <weft/metrics.hpp>
#include <weft/service/dataplane.hpp>

namespace weft::overlay {

/// Used on one lane. Frames stay valid until they are delivered, which happens at the latest when
/// `deliver` is called.
class FrameRun {
 public:
  /// `delivered` counts the frames.
  FrameRun(Dataplane& dataplane, Counter& delivered)
      : dataplane_(dataplane), delivered_(delivered) {}

  /// Adds a frame, after delivering the others when it continues them not.
  void add(Lane& lane, PeerName source, PeerName destination, const Frame& frame) noexcept {
    if (source != source_ || destination != destination_ || length_ == frames_.size()) {
      deliver(lane);
      source_ = source;
      destination_ = destination;
    }
    frames_[length_++] = frame;
  }

  /// Hands over what was added.
  void deliver(Lane& lane) noexcept {
    if (length_ == 0) {
      return;
    }
    delivered_.add_on_lane(lane.index(), length_);
    const OverlayBatch batch{source_, destination_, {frames_.data(), length_}};
    length_ = 0;
    dataplane_.from_overlay(lane, batch);
  }

 private:
  Dataplane& dataplane_;
  Counter& delivered_;
  PeerName source_{};
  PeerName destination_{};
  std::array<Frame, max_batch> frames_;
  std::size_t length_ = 0;
};

}  // namespace weft::overlay
