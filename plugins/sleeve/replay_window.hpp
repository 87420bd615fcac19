#pragma once
/// Remembers which sequence numbers of one space were used, so that a copied datagram is refused.

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace weft::sleeve {

/// Numbers are grouped into windows of 2^20. The window of the highest number seen and the one
/// before it are remembered bit by bit; anything older is refused.
/// Source: weaveworks/weave router/frame_crypto.go, NaClDecryptorInstance.advanceState.
///
/// Any lane. One socket receives all datagrams of a peer address, so two lanes meet here only
/// while a peer moves: the one that comes second is told `busy`, and drops, rather than wait.
class ReplayWindow {
 public:
  enum class Verdict : std::uint8_t { fresh, stale, busy };

  /// Reserves 256 KiB, of which only pages that sequence numbers reach become resident.
  ReplayWindow();

  /// Marks `sequence` as used. Call it for authenticated datagrams only.
  [[nodiscard]] Verdict mark(std::uint64_t sequence) noexcept;

 private:
  static constexpr unsigned window_bits = 20;
  static constexpr std::size_t window_words = (std::size_t{1} << window_bits) / 64;

  struct Free {
    void operator()(std::uint64_t* words) const noexcept { std::free(words); }
  };
  using Bitmap = std::unique_ptr<std::uint64_t[], Free>;
  [[nodiscard]] static Bitmap make_bitmap();

  [[nodiscard]] Verdict mark_claimed(std::uint64_t sequence) noexcept;

  std::atomic<bool> claimed_{false};
  std::uint64_t newest_ = 0;  // window index that `current_` covers
  Bitmap current_;
  Bitmap previous_;
};

}  // namespace weft::sleeve
