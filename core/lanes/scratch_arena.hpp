#pragma once
/// The buffers a lane hands out within one turn.

#include <cstddef>
#include <memory>

#include <weft/lane.hpp>

namespace weft {

/// Two supplies of equal buffers, taken in order and all given back at once. Memory is touched only
/// as far as a turn ever needed. One lane's thread; never allocates after construction.
class ScratchArena {
 public:
  /// 2 KiB with headroom: an Ethernet frame of 1500 or a little more.
  static constexpr std::uint32_t small_bytes = 2048 - frame_headroom;
  static constexpr std::size_t small_count = 4096;
  /// A frame that still awaits segmentation: 64 KiB of IP and its Ethernet headers.
  static constexpr std::uint32_t large_bytes = 65536 + 128;
  static constexpr std::size_t large_count = 64;

  /// A buffer of `bytes` with frame_headroom before it; empty when the supply is used up.
  [[nodiscard]] Frame take(std::uint32_t bytes) noexcept {
    if (bytes <= small_bytes && small_used_ < small_count) {
      return frame_at(small_.get() + small_used_++ * slot_bytes(small_bytes), bytes);
    }
    if (bytes <= large_bytes && large_used_ < large_count) {
      return frame_at(large_.get() + large_used_++ * slot_bytes(large_bytes), bytes);
    }
    return {};
  }

  /// Takes every buffer back.
  void reset() noexcept {
    small_used_ = 0;
    large_used_ = 0;
  }

 private:
  static constexpr std::size_t slot_bytes(std::uint32_t bytes) { return bytes + frame_headroom; }
  static Frame frame_at(std::byte* slot, std::uint32_t bytes) noexcept {
    return {slot + frame_headroom, bytes, frame_headroom, {}};
  }

  std::unique_ptr<std::byte[]> small_ =
      std::make_unique_for_overwrite<std::byte[]>(small_count * slot_bytes(small_bytes));
  std::unique_ptr<std::byte[]> large_ =
      std::make_unique_for_overwrite<std::byte[]>(large_count * slot_bytes(large_bytes));
  std::size_t small_used_ = 0;
  std::size_t large_used_ = 0;
};

}  // namespace weft
