#pragma once
/// Has each frame leave as the path to the peer allows: whole, in fragments, or answered.

#include <cstdint>
#include <cstring>
#include <span>

#include <weft/lane.hpp>
#include <weft/overlay/fragment.hpp>
#include <weft/overlay/packet.hpp>
#include <weft/overlay/report_queue.hpp>
#include <weft/service/dataplane.hpp>

namespace weft::overlay {

/// What happened to frames that were not sent whole. Counts frames.
struct Unfit {
  unsigned fragmented = 0;  ///< went in fragments
  unsigned reported = 0;    ///< the sender is told
  unsigned unreported = 0;  ///< the sender may not be told
  unsigned narrow = 0;      ///< even fragments do not fit
  unsigned no_buffer = 0;   ///< fragments or report found no memory in this poll cycle
};

/// Used on one lane; allocates nothing after construction.
class FrameFitter {
 public:
  /// Hands each frame of the batch, or its fragments, to `send(const Frame&, bool may_fragment)`;
  /// `may_fragment`: without DF. Reports wait for the next poll cycle's `deliver`.
  template <class Send>
  [[nodiscard]] Unfit fit(Lane& lane, const OverlayBatch& batch, const PathLimits& path,
                          Send send) noexcept {
    Unfit unfit;
    for (const Frame& frame : batch.frames) {
      switch (plan(frame.bytes(), path)) {
        case Handling::send_dont_fragment:
          send(frame, false);
          break;
        case Handling::send_may_fragment:
          send(frame, true);
          break;
        case Handling::fragment:
          fragment(lane, frame, path.mtu, send, unfit);
          break;
        case Handling::report_too_big:
          ++(reports_.add(frame, path.mtu, batch.source, batch.destination) ? unfit.reported
                                                                            : unfit.no_buffer);
          break;
        case Handling::drop_too_big:
          ++unfit.unreported;
          break;
      }
    }
    return unfit;
  }

  /// Hands the reports of the poll cycle before to the dataplane; returns how many.
  unsigned deliver(Lane& lane, Dataplane& dataplane) noexcept {
    return reports_.deliver(lane, dataplane);
  }

 private:
  template <class Send>
  void fragment(Lane& lane, const Frame& frame, std::uint32_t mtu, Send& send,
                Unfit& unfit) noexcept {
    const auto packet = parse_ipv4(frame.bytes());
    const Fragmenter fragmenter(frame.bytes(), *packet, mtu);
    ++(fragmenter.count() == 0 ? unfit.narrow : unfit.fragmented);
    for (std::size_t i = 0; i < fragmenter.count(); ++i) {
      Frame piece = lane.scratch(static_cast<std::uint32_t>(fragmenter.max_bytes()));
      if (piece.data == nullptr) {
        ++unfit.no_buffer;
        return;
      }
      piece.length =
          static_cast<std::uint32_t>(fragmenter.write(i, {piece.data, fragmenter.max_bytes()}));
      send(piece, false);
    }
  }

  ReportQueue reports_;
};

/// The frame with room for `bytes` before it: itself, or a copy that `copies` counts. Its data is
/// null when this poll cycle has no memory left.
[[nodiscard]] inline Frame with_headroom(Lane& lane, const Frame& frame, std::size_t bytes,
                                         Counter& copies) noexcept {
  if (frame.headroom >= bytes) {
    return frame;
  }
  Frame copy = lane.scratch(frame.length);
  if (copy.data != nullptr) {
    std::memcpy(copy.data, frame.data, frame.length);
    copy.length = frame.length;
    copies.add_on_lane(lane.index());
  }
  return copy;
}

}  // namespace weft::overlay
