#pragma once
/// Which peer a MAC address lives at, learned from frames.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <weft/export.hpp>
#include <weft/loop.hpp>
#include <weft/net/mac.hpp>
#include <weft/net/peer_name.hpp>

namespace weft::dataplane {

/// A MAC, its peer (this node's own name for local ones), and how long ago it was heard.
struct MacEntry {
  net::Mac mac;
  PeerName peer{};
  std::chrono::seconds idle{0};

  bool operator==(const MacEntry&) const = default;
};

enum class Learned : std::uint8_t {
  known,  ///< as before
  added,
  moved,  ///< was at another peer until this frame
  full,   ///< no room: frames for it are broadcast
};

/// A fixed set of 65,536 slots in buckets of sixteen, read and written by all lanes at once.
/// Lookups are wait-free, learning is lock-free and never allocates.
///
/// A frame is the best evidence of where its sender is, so a move takes effect at once, be it from
/// peer to peer or between a peer and this host.
///
/// A slot keeps its MAC while any lane may look at it: `expire` and `forget` retire slots, and the
/// next such call frees them, after every lane was quiescent. That is why a slot needs no sequence
/// number, and why a full bucket refuses instead of evicting. Two lanes that learn a MAC at the
/// same moment may both take a slot for it: the first one counts, the next `expire` retires the
/// other.
class WEFT_EXPORT MacTable {
 public:
  static constexpr std::size_t ways = 16;
  static constexpr std::size_t buckets = 4096;
  static constexpr std::chrono::minutes max_idle{10};
  /// A later sighting is recorded only when the last is this old, to leave the cache line shared.
  static constexpr std::chrono::seconds refresh{30};

  /// `seed` keeps strangers from choosing MACs that share a bucket. `epoch`: now.
  MacTable(std::uint64_t seed, TimePoint epoch);

  /// On lanes.
  [[nodiscard]] std::optional<PeerName> find(net::Mac mac) const noexcept;
  /// On lanes. A group address or the zero address is never anybody's: `known`.
  Learned learn(net::Mac mac, PeerName peer, TimePoint now) noexcept;

  /// Control, one thread: retires what was not heard for max_idle; returns how many. Every lane
  /// must have passed a quiescent point since the last call of `expire` or `forget`.
  std::size_t expire(TimePoint now) noexcept;
  /// Control, as `expire`: retires what lives at `peer`.
  std::size_t forget(PeerName peer) noexcept;
  /// Control: everything known, in no order.
  [[nodiscard]] std::vector<MacEntry> entries(TimePoint now) const;

 private:
  struct Slot {
    std::atomic<std::uint64_t> mac{0};    // 0 free, else a MAC or one of the marks above 2^48
    std::atomic<std::uint64_t> owner{0};  // peer << 16 | second last heard, modulo 2^16
  };
  struct alignas(64) Bucket {
    std::array<Slot, ways> slots;
  };

  [[nodiscard]] Bucket& bucket_of(std::uint64_t mac) const noexcept;
  [[nodiscard]] std::uint16_t second(TimePoint now) const noexcept;
  [[nodiscard]] static Learned update(Slot& slot, PeerName peer, std::uint16_t now) noexcept;
  /// Whether an earlier slot holds the same MAC.
  [[nodiscard]] static bool is_shadowed(const Bucket& bucket, std::size_t index,
                                        std::uint64_t mac) noexcept;
  template <class Predicate>
  std::size_t retire_if(Predicate predicate) noexcept;

  std::uint64_t seed_;
  TimePoint epoch_;
  std::unique_ptr<std::array<Bucket, buckets>> table_;
};

}  // namespace weft::dataplane
