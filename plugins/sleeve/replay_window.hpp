#pragma once
/// Remembers which sequence numbers of one space were used, so that a copied datagram is refused.

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
  /// Refused from here on. Nobody sends that many: at 30 million a second it takes four years.
  static constexpr std::uint64_t end_of_numbers = std::uint64_t{1} << 52U;

  /// Marks `sequence` as used. Call it for authenticated datagrams only.
  [[nodiscard]] Verdict mark(std::uint64_t sequence) noexcept;

 private:
  static constexpr unsigned block_bits = 4;
  static constexpr std::uint64_t slot_count = 2048;

  std::array<std::atomic<std::uint64_t>, slot_count> slots_{};  // block << 16 | used numbers
};

}  // namespace weft::sleeve
