#pragma once
/// Ranges that the ring says are this node's, but of which it is not certain that their former
/// owner knows: nothing is given out of them until it is. A ring carries no proof of who changed
/// it, so a forged message could make two peers give out the same addresses.

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include <weft/function.hpp>
#include <weft/loop.hpp>
#include <weft/net/peer_name.hpp>

#include "disputes.hpp"
#include "ring.hpp"

namespace weft::ipam {

struct Fence {
  enum class Kind : std::uint8_t {
    heard,  ///< came by gossip: closed until the former owner says that it gave the range away
    taken,  ///< taken over from a peer that was gone: closed for a while, or while it disagrees
    open    ///< was taken over, and is in use; remembered in case its former owner returns
  };
  AddressRange range;
  PeerName from{};  ///< the former owner
  Kind kind = Kind::heard;
  TimePoint since{};       ///< of the gain, or of the last objection
  bool is_asked = false;   ///< this node had asked whoever gave it for space there
  Word word = Word::hint;  ///< that the former owner gave that the range is not its own any more

  [[nodiscard]] bool is_closed() const noexcept { return kind != Kind::open; }
  [[nodiscard]] bool is_granted() const noexcept { return word != Word::hint; }
  /// How long it stays closed without an objection.
  [[nodiscard]] Duration wait() const noexcept;
  bool operator==(const Fence&) const = default;
};

/// A fence whose range this node asked for opens after so long without an objection: the former
/// owner is asked at once, and answers within a second or two.
inline constexpr Duration short_quarantine = std::chrono::seconds{3};

/// All fences of this node. A value; pure.
class Fences {
 public:
  /// The range must not overlap that of another fence.
  void add(Fence fence);
  /// Forgets what is outside `owned`.
  void keep(const AddressSet& owned);
  /// Has `giver`, which was asked for space where `is_asked` says so, answer for former owners that
  /// are gone: it may have taken over from them.
  void replace_lost(UniqueFunction<bool(PeerName)> is_known, PeerName giver,
                    UniqueFunction<bool(AddressRange)> is_asked);
  /// `from` told its ring, in which it owns `claimed`. By a word it gave away what it does not
  /// claim; a claim closes the fence again, however it came. Answers whether it was open.
  bool told(PeerName from, const AddressSet& claimed, Word word, TimePoint now);
  /// The operator says that `from` is gone for good. Answers how many addresses waited for it.
  std::uint64_t give_up_on(PeerName from, TimePoint now);
  /// Opens what waited long enough; `is_known` tells whether a peer is in the mesh, `is_disputed`
  /// whether somebody else may object. Answers whether anything opened.
  bool open(TimePoint now, UniqueFunction<bool(PeerName)> is_known,
            UniqueFunction<bool(AddressRange)> is_disputed);
  /// When the first of those with a word will have waited long enough; after `now`.
  [[nodiscard]] std::optional<TimePoint> next_opening(TimePoint now) const;

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
