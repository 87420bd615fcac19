#pragma once
/// Ranges that the ring says are this node's, but of which it is not certain that their former
/// owner knows: nothing is given out of them until it is. A ring carries no proof of who changed
/// it, so a forged message could make two peers give out the same addresses.

#include <chrono>
#include <cstdint>
#include <vector>

#include <weft/function.hpp>
#include <weft/loop.hpp>
#include <weft/net/peer_name.hpp>

#include "ring.hpp"

namespace weft::ipam {

struct Fence {
  enum class Kind : std::uint8_t {
    heard,  ///< came by gossip: closed until the former owner says that it gave the range away
    taken,  ///< taken over from a peer that was gone: closed for a while, in case it is not
    open    ///< was taken over, and is in use; remembered in case its former owner returns
  };
  AddressRange range;
  PeerName from{};  ///< the former owner
  Kind kind = Kind::heard;
  TimePoint since{};
  bool is_asked = false;    ///< this node had asked whoever gave it for space
  bool is_granted = false;  ///< the former owner said that the range is not its own any more

  [[nodiscard]] bool is_closed() const noexcept { return kind != Kind::open; }
  bool operator==(const Fence&) const = default;
};

/// A fence stays closed for so long at least, unless its owner gave the range on our request: who
/// disagrees hears of a change and outbids it within a second or two.
inline constexpr Duration quarantine = std::chrono::seconds{10};

/// All fences of this node. A value; pure.
class Fences {
 public:
  /// The range must not overlap that of another fence.
  void add(Fence fence);
  /// Forgets what is outside `owned`.
  void keep(const AddressSet& owned);
  /// Has `giver`, which was asked for space, answer for former owners that are gone: it may have
  /// taken over from them.
  void replace_lost(UniqueFunction<bool(PeerName)> is_known, PeerName giver);
  /// `from` told its ring: what it does not claim there any more, it gave away.
  void granted(PeerName from, const RingState& told);
  /// The operator says that `from` is gone for good. Answers how many addresses waited for it.
  std::uint64_t give_up_on(PeerName from, TimePoint now);
  /// Opens what waited long enough; `is_known` tells whether a peer is in the mesh. Answers whether
  /// anything opened.
  bool open(TimePoint now, UniqueFunction<bool(PeerName)> is_known);

  [[nodiscard]] const std::vector<Fence>& all() const noexcept { return fences_; }
  [[nodiscard]] bool has_closed() const noexcept;
  [[nodiscard]] bool is_closed(AddressRange range) const noexcept;
  [[nodiscard]] bool is_taken_from(PeerName peer, AddressRange range) const noexcept;
  [[nodiscard]] std::uint64_t closed_addresses() const noexcept;

  /// As a ring whose entries are the fences, for the disk: `free` is the size, `version` the kind.
  [[nodiscard]] RingState stored(AddressRange universe) const;
  /// What is not well-formed is passed over.
  void restore(const RingState& stored, TimePoint now);

 private:
  /// Whether `holds` is true of a fence that overlaps `range`.
  template <class Condition>
  [[nodiscard]] bool any_in(AddressRange range, Condition holds) const;

  std::vector<Fence> fences_;  // sorted, disjoint
};

}  // namespace weft::ipam
