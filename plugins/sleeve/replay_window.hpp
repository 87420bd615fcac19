#pragma once
/// Remembers which sequence numbers of one DF class were used, so that a copied datagram is
/// refused.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace weft::sleeve {

/// A ring of slots; each holds a block of 16 numbers: which block, and a bit for every number of
/// it. A slot only ever moves on to a later block of its own, so that no number passes twice, and
/// what comes up to `span` numbers late still passes once.
///
/// Any lane, several at once: a slot is one word, which changes by compare and exchange.
class ReplayWindow {
 public:
  enum class Verdict : std::uint8_t { fresh, stale };

  /// Numbers from the newest back that are told apart; older ones may be refused unseen.
  static constexpr std::uint64_t span = std::uint64_t{16} * 2047;
  /// How far ahead of the newest a number can be: nobody loses that many in a row.
  static constexpr std::uint64_t leap = std::uint64_t{1} << 28U;
  /// Refused from here on. Nobody sends that many: at 30 million a second it takes four years.
  static constexpr std::uint64_t end_of_numbers = std::uint64_t{1} << 52U;

  /// `first`: the number that others begin with.
  explicit ReplayWindow(std::uint64_t first = 0) noexcept : newest_(first) {}

  /// Whether `mark` would refuse it: a copy need not even be decrypted.
  [[nodiscard]] bool was_used(std::uint64_t sequence) const noexcept {
    const auto& slot = slots_[block_of(sequence) % slot_count];
    return is_used(slot.load(std::memory_order_relaxed), sequence);
  }
  /// No number before this one will pass.
  [[nodiscard]] std::uint64_t oldest() const noexcept {
    const std::uint64_t newest = newest_.load(std::memory_order_relaxed);
    return newest > span ? newest - span : 0;
  }
  /// The last one that `leap` allows. `mark` does not insist on it.
  [[nodiscard]] std::uint64_t farthest() const noexcept {
    return std::min(newest_.load(std::memory_order_relaxed) + leap, end_of_numbers - 1);
  }
  /// Marks `sequence` as used. Call it for authenticated datagrams only.
  [[nodiscard]] Verdict mark(std::uint64_t sequence) noexcept;

 private:
  static constexpr unsigned block_bits = 4;
  static constexpr std::uint64_t slot_count = 2048;
  static constexpr unsigned bitmap_bits = 1U << block_bits;

  [[nodiscard]] static constexpr std::uint64_t block_of(std::uint64_t sequence) noexcept {
    return sequence >> block_bits;
  }
  [[nodiscard]] static constexpr std::uint64_t bit_of(std::uint64_t sequence) noexcept {
    return std::uint64_t{1} << (sequence % bitmap_bits);
  }
  /// Whether a slot that holds `seen` tells that `sequence` was used, or cannot tell.
  [[nodiscard]] static constexpr bool is_used(std::uint64_t seen, std::uint64_t sequence) noexcept {
    const std::uint64_t block = seen >> bitmap_bits;
    return block > block_of(sequence) ||
           (block == block_of(sequence) && (seen & bit_of(sequence)) != 0);
  }

  std::array<std::atomic<std::uint64_t>, slot_count> slots_{};  // block << 16 | used numbers
  std::atomic<std::uint64_t> newest_;  // or, when lanes store at once, one a little older
};

}  // namespace weft::sleeve
