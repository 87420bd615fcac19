/// A ring of blocks that follows the sequence numbers of a DF class.
#include "replay_window.hpp"

namespace weft::sleeve {

ReplayWindow::Verdict ReplayWindow::mark(std::uint64_t sequence) noexcept {
  if (sequence >= end_of_numbers) {
    return Verdict::stale;
  }
  const std::uint64_t block = block_of(sequence);
  std::atomic<std::uint64_t>& slot = slots_[block % slot_count];
  std::uint64_t seen = slot.load(std::memory_order_relaxed);
  std::uint64_t next = 0;
  do {
    if (is_used(seen, sequence)) {
      return Verdict::stale;
    }
    next = seen >> bitmap_bits == block ? seen | bit_of(sequence)
                                        : block << bitmap_bits | bit_of(sequence);
  } while (!slot.compare_exchange_weak(seen, next, std::memory_order_relaxed));
  if (sequence > newest_.load(std::memory_order_relaxed)) {
    newest_.store(sequence, std::memory_order_relaxed);
  }
  return Verdict::fresh;
}

}  // namespace weft::sleeve
