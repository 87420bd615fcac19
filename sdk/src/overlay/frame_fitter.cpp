/// Copies frames that have no room before them.

#include <weft/overlay/frame_fitter.hpp>

#include <cstring>

namespace weft::overlay {

Frame with_headroom(Lane& lane, const Frame& frame, std::size_t bytes, Counter& copies) noexcept {
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
