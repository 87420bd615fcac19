/// A ring of blocks that follows the sequence numbers of a datagram space.
#include "replay_window.hpp"

namespace weft::sleeve {

ReplayWindow::Verdict ReplayWindow::mark(std::uint64_t sequence) noexcept {
  if (sequence >= end_of_numbers) {
    return Verdict::stale;
  }
  constexpr unsigned bitmap_bits = 1U << block_bits;
  const std::uint64_t block = sequence >> block_bits;
  const std::uint64_t bit = std::uint64_t{1} << (sequence % bitmap_bits);
  std::atomic<std::uint64_t>& slot = slots_[block % slot_count];
  std::uint64_t seen = slot.load(std::memory_order_relaxed);
  std::uint64_t next = 0;
  do {
    const std::uint64_t seen_block = seen >> bitmap_bits;
    if (seen_block > block || (seen_block == block && (seen & bit) != 0)) {
      return Verdict::stale;
    }
    next = seen_block == block ? seen | bit : block << bitmap_bits | bit;
  } while (!slot.compare_exchange_weak(seen, next, std::memory_order_relaxed));
  return Verdict::fresh;
}

}  // namespace weft::sleeve
