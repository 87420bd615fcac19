#pragma once
/// The buffers a lane hands out within one poll cycle.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include <weft/export.hpp>
#include <weft/lane.hpp>

namespace weft {

/// Two supplies of equal buffers, taken in order and all given back at once. Memory is touched only
/// as far as poll cycles needed. One lane's thread; never allocates after construction.
class ScratchArena {
 public:
  /// 2 KiB with headroom: an Ethernet frame of 1500 or a little more.
  static constexpr std::uint32_t small_bytes = 2048 - frame_headroom;
  static constexpr std::size_t small_count = 4096;
  /// A frame that still awaits segmentation: 64 KiB of IP and its Ethernet headers.
  static constexpr std::uint32_t large_bytes = 65536 + 128;
  static constexpr std::size_t large_count = 64;
  /// What an idle lane keeps.
  static constexpr std::size_t idle_bytes = 256 * 1024;

  /// A buffer of `bytes` with frame_headroom before it; empty when the supply is used up.
  [[nodiscard]] Frame take(std::uint32_t bytes) noexcept {
    if (bytes <= small_bytes && small_.has_more()) {
      return small_.take(bytes);
    }
    if (bytes <= large_bytes && large_.has_more()) {
      return large_.take(bytes);
    }
    return {};
  }

  /// Takes every buffer back; returns how many bytes they were.
  std::size_t reset() noexcept { return small_.reset() + large_.reset(); }

  /// Whether poll cycles touched more than an idle lane should keep.
  [[nodiscard]] bool holds_much() const noexcept {
    return small_.touched_bytes() + large_.touched_bytes() > idle_bytes;
  }
  /// Between poll cycles: gives what poll cycles touched back to the kernel.
  void release() noexcept {
    small_.release();
    large_.release();
  }

 private:
  class Supply {
   public:
    Supply(std::uint32_t bytes, std::size_t count)
        : slot_bytes_(bytes + frame_headroom),
          count_(count),
          memory_(std::make_unique_for_overwrite<std::byte[]>(count * slot_bytes_)) {}

    [[nodiscard]] bool has_more() const noexcept { return used_ < count_; }
    [[nodiscard]] Frame take(std::uint32_t bytes) noexcept {
      return {memory_.get() + used_++ * slot_bytes_ + frame_headroom, bytes, frame_headroom, {}};
    }
    std::size_t reset() noexcept {
      touched_ = std::max(touched_, used_);
      return std::exchange(used_, 0) * slot_bytes_;
    }
    [[nodiscard]] std::size_t touched_bytes() const noexcept { return touched_ * slot_bytes_; }
    WEFT_EXPORT void release() noexcept;

   private:
    std::size_t slot_bytes_;
    std::size_t count_;
    std::unique_ptr<std::byte[]> memory_;
    std::size_t used_ = 0;
    std::size_t touched_ = 0;  // slots, since the last release
  };

  Supply small_{small_bytes, small_count};
  Supply large_{large_bytes, large_count};
};

}  // namespace weft
