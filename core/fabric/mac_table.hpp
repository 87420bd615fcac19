#pragma once
/// Which peer a MAC address lives at, learned from frames.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
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
  replaced,  ///< added, and an older one retired so that the next finds room, too
  moved,     ///< was at another peer until this frame
  full,      ///< no room yet: frames for it are broadcast
};

/// A fixed set of slots in buckets of sixteen, 65,536 unless said otherwise, read and written by
/// all lanes at once. Lookups are wait-free, learning is lock-free and never allocates.
///
/// A frame is the best evidence of where its sender is, so a move takes effect at once, be it from
/// peer to peer or between a peer and this host.
///
/// **Shares.** Where a bucket is full, a MAC makes room for a new one: the oldest of the peer that
/// has most there, counting the new one, and of the new one's own peer when no other has more. So a
/// peer that invents MACs, or this node for its pods, displaces its own; with n peers in a bucket,
/// 15/n of its slots are safe from all others. Among those of one peer, what was heard again half a
/// minute after it was first heard outlives what was not: invented MACs displace each other.
///
/// **Reuse.** Lanes read a slot's MAC, then its owner, without a sequence number. So a slot must
/// not get another MAC while somebody may be between the two. A retired slot keeps the generation
/// that was read by whoever retired it; it is used again three generations later. `release` makes
/// the next generation, after every lane passed a quiescent point since the last one, and only when
/// no Visit is open. Proof, with "poll cycle" for the time between two quiescent points, or a
/// Visit:
///   1. The poll cycle that read generation g ends before g + 2 is made, since the wait for g + 2
///      begins when g + 1 is there. So a slot marked with g was retired before g + 2.
///   2. Poll cycles that saw its MAC began before it was retired, and end before g + 3 is made,
///      since the wait for g + 3 begins when g + 2 is there.
/// That a Visit is not open counts as the end of all Visits: `release` and they change one atomic
/// by read-modify-write. A Visit before it has ended; one after it sees what was retired until
/// then.
///
/// Two lanes that learn a MAC at the same moment may both take a slot for it: the first one counts,
/// the next `expire` retires the other.
class WEFT_EXPORT MacTable {
  /// Whether a MAC that is known at another peer is now at this one.
  enum class Move : std::uint8_t { allowed, refused };

 public:
  static constexpr std::size_t ways = 16;
  static constexpr std::size_t default_buckets = 4096;
  static constexpr std::chrono::minutes max_idle{10};
  /// A later sighting is recorded only when the last is this old, to leave the cache line shared.
  static constexpr std::chrono::seconds refresh{30};
  /// Releases between the retirement of a slot and its reuse.
  static constexpr std::uint64_t generations_to_reuse = 3;

  class Visit;

  /// `seed` keeps strangers from choosing MACs that share a bucket. `epoch`: now. `buckets`: a
  /// power of two.
  MacTable(std::uint64_t seed, TimePoint epoch, std::size_t buckets = default_buckets);

  /// On lanes.
  [[nodiscard]] std::optional<PeerName> find(net::Mac mac) const noexcept;
  /// On lanes. A group address or the zero address is never anybody's: `known`.
  Learned learn(net::Mac mac, PeerName peer, TimePoint now) noexcept {
    return learn_with<Move::allowed>(mac, peer, now);
  }

  /// Control, one thread: retires what was not heard for max_idle; returns how many.
  std::size_t expire(TimePoint now) noexcept;
  /// Control, as `expire`: retires what lives at one of `peers`, which are sorted.
  std::size_t forget(std::span<const PeerName> peers) noexcept;
  /// Control, the thread of `expire`: brings retired slots one step nearer to reuse. Every lane
  /// must have passed a quiescent point that began after the last call. False when a Visit was
  /// open: once more, later.
  bool release() noexcept;
  /// Control, the thread of `expire`: everything known, in no order.
  [[nodiscard]] std::vector<MacEntry> entries(TimePoint now) const;

  struct Slot {
    std::atomic<std::uint64_t> mac{0};    // a MAC, 0 when free, or one of the marks above 2^48
    std::atomic<std::uint64_t> owner{0};  // peer << 16 | is kept << 15 | second last heard
  };
  struct alignas(64) Bucket {
    std::array<Slot, ways> slots;
  };

  [[nodiscard]] Bucket& bucket_of(std::uint64_t mac) const noexcept;
  [[nodiscard]] std::span<Bucket> all() const noexcept;
  [[nodiscard]] std::uint16_t second(TimePoint now) const noexcept;
  template <Move move>
  Learned learn_with(net::Mac mac, PeerName peer, TimePoint now) noexcept;
  template <Move move>
  [[nodiscard]] static Learned update(Slot& slot, PeerName peer, std::uint16_t now) noexcept;
  template <Move move>
  Learned add(Bucket& bucket, std::uint64_t mac, PeerName peer, std::uint16_t now) noexcept;
  /// Whether a slot can be used now, or soon.
  [[nodiscard]] static bool has_spare(const Bucket& bucket) noexcept;
  /// Retires one MAC of a full bucket in favour of one of `peer`, which is in slot `newest`, or in
  /// none yet: `ways`. False when nobody has to give way.
  bool make_room(Bucket& bucket, PeerName peer, std::size_t newest, std::uint16_t now) noexcept;
  bool retire(Slot& slot, std::uint64_t mac) noexcept;
  /// Whether an earlier slot holds the same MAC.
  [[nodiscard]] static bool is_shadowed(const Bucket& bucket, std::size_t index,
                                        std::uint64_t mac) noexcept;
  template <class Predicate>
  std::size_t retire_if(Predicate predicate) noexcept;

  std::uint64_t seed_;
  TimePoint epoch_;
  std::uint64_t last_bucket_;
  std::unique_ptr<Bucket[]> table_;
  std::atomic<std::uint64_t> generation_{0};  // below 2^48
  std::atomic<std::uint32_t> visits_{0};
};

/// What a lane does at any time, control code does with a Visit: no slot is reused while one is
/// open, so keep it short. Any control thread. The table outlives it.
class WEFT_EXPORT MacTable::Visit {
 public:
  explicit Visit(MacTable& table) noexcept : table_(table) {
    table_.visits_.fetch_add(1, std::memory_order_acq_rel);
  }
  ~Visit() { table_.visits_.fetch_sub(1, std::memory_order_release); }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  [[nodiscard]] std::optional<PeerName> find(net::Mac mac) const noexcept {
    return table_.find(mac);
  }
  /// Learns a MAC that is not known, and refreshes one that is known at `peer`. It never moves one:
  /// that is for frames to do, also while this runs.
  void keep(net::Mac mac, PeerName peer, TimePoint now) noexcept {
    table_.learn_with<Move::refused>(mac, peer, now);
  }

 private:
  MacTable& table_;
};

}  // namespace weft::dataplane
