/// Two bitmaps that slide over the sequence numbers of a datagram space.
#include "replay_window.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace weft::sleeve {

// calloc takes this much straight from the kernel as zero pages that cost nothing until written.
ReplayWindow::Bitmap ReplayWindow::make_bitmap() {
  auto* const words = static_cast<std::uint64_t*>(std::calloc(window_words, sizeof(std::uint64_t)));
  if (words == nullptr) {
    throw std::bad_alloc();
  }
  return Bitmap(words);
}

ReplayWindow::ReplayWindow() : current_(make_bitmap()), previous_(make_bitmap()) {}

ReplayWindow::Verdict ReplayWindow::mark(std::uint64_t sequence) noexcept {
  if (claimed_.exchange(true, std::memory_order_acquire)) {
    return Verdict::busy;
  }
  const Verdict verdict = mark_claimed(sequence);
  claimed_.store(false, std::memory_order_release);
  return verdict;
}

ReplayWindow::Verdict ReplayWindow::mark_claimed(std::uint64_t sequence) noexcept {
  const std::uint64_t window = sequence >> window_bits;
  const std::uint64_t offset = sequence & ((std::uint64_t{1} << window_bits) - 1);
  if (window + 1 < newest_) {
    return Verdict::stale;
  }
  if (window > newest_) {
    const bool is_next = window == newest_ + 1;
    std::swap(current_, previous_);
    std::fill_n(current_.get(), window_words, 0);
    if (!is_next) {
      std::fill_n(previous_.get(), window_words, 0);
    }
    newest_ = window;
  }
  std::uint64_t& word = (window == newest_ ? current_ : previous_)[offset / 64];
  const std::uint64_t bit = std::uint64_t{1} << (offset % 64);
  if ((word & bit) != 0) {
    return Verdict::stale;
  }
  word |= bit;
  return Verdict::fresh;
}

}  // namespace weft::sleeve
