#pragma once
/// Who owns which part of the address range: a ring of tokens that every peer keeps a copy of and
/// that converges by merging.
/// Source: weaveworks/weave ipam/ring/ring.go.

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/function.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>

#include "address_range.hpp"

namespace weft::ipam {

/// Entries of a ring. Tokens are never removed from a ring, so what a message invents stays; a
/// state with this many fills 440 kB.
inline constexpr std::size_t max_ring_entries = 16'384;
/// Peers among whom a range is first divided: as many as a mesh of Weave Net peers can have.
/// Source: weaveworks/mesh peer.go, peerShortIDBits.
inline constexpr std::size_t max_seeds = 4'096;

/// `peer` owns the addresses from `token` up to the next entry's token; the last entry wraps.
struct RingEntry {
  Address token = 0;
  PeerName peer{};
  std::uint32_t version = 0;  ///< only the owner changes an entry, and then raises this
  std::uint32_t free = 0;     ///< addresses that the owner can still hand out

  bool operator==(const RingEntry&) const = default;
};

/// A ring as it travels and as it is stored: foreign until `check` or `merge` accepted it.
struct RingState {
  AddressRange universe;
  std::vector<RingEntry> entries;  ///< sorted by token
  std::vector<PeerName> seeds;     ///< the peers among whom the ring was first divided, in order

  bool operator==(const RingState&) const = default;

  /// Sorted, no token twice, tokens inside the universe, no more free than there is.
  /// Errors: Errc::malformed.
  [[nodiscard]] Result<> check() const;

  /// What `peer` has here, also when `check` fails: entries that no ring can have do not count.
  [[nodiscard]] AddressSet claims(PeerName peer) const;

  /// Addresses from token `a` up to token `b`, through the end of the universe if need be.
  [[nodiscard]] std::uint32_t distance(Address a, Address b) const noexcept;
  /// The same addresses as one range, or two when they wrap.
  [[nodiscard]] std::vector<AddressRange> ranges(Address a, Address b) const;
  /// The token of the entry after `index`, going round.
  [[nodiscard]] Address token_after(std::size_t index) const noexcept {
    return entries[(index + 1) % entries.size()].token;
  }
};

/// Why an entry of a received ring was not taken.
enum class Refusal : std::uint8_t {
  out_of_order,  ///< its token is not greater than that of the entry before
  out_of_range,  ///< its token lies outside the universe
  version,       ///< its version is ahead of what can have been counted by now
  too_many       ///< its token is one more than a ring may have, or may get at a time
};
inline constexpr std::size_t refusals = 4;
/// "out-of-order": as metrics and log name it.
[[nodiscard]] std::string_view to_string(Refusal why) noexcept;

/// What a merge may do.
struct MergeTerms {
  /// Higher versions are refused.
  std::uint32_t version_ceiling = std::numeric_limits<std::uint32_t>::max() - 1;
  /// New tokens that may be taken; tokens never go away again.
  std::size_t new_tokens = max_ring_entries;
  /// Whether this node lets `rival` have `ranges`, which it owns. If not, it outbids. Ranges with
  /// addresses in use are never let go of.
  UniqueFunction<bool(std::span<const AddressRange> ranges, PeerName rival)> lets_go;
};

/// What a merge did.
struct MergeOutcome {
  /// Addresses that went from one owner to another.
  struct Move {
    std::vector<AddressRange> ranges;
    PeerName from{};
    PeerName to{};
  };

  bool is_changed = false;
  bool is_raised = false;     ///< somebody raised the version of an entry of this node
  bool has_left_out = false;  ///< more new tokens than may be taken now
  std::size_t new_tokens = 0;
  std::vector<RingEntry> outbid;  ///< what the message said of ranges that this node keeps
  std::array<std::size_t, refusals> refused{};
  std::optional<RingEntry> first_refused;
  std::vector<Move> moves;  ///< none when the ring was empty before
};

/// This node's copy of the ring. Always satisfies RingState::check. A value.
class Ring {
 public:
  /// A peer that may have space to give.
  struct Candidate {
    PeerName peer{};
    std::uint64_t free = 0;  ///< reported free addresses in entries overlapping the wanted range
  };

  /// `universe` must not be empty.
  Ring(AddressRange universe, PeerName self) : self_(self) { state_.universe = universe; }

  bool operator==(const Ring&) const = default;

  [[nodiscard]] const RingState& state() const noexcept { return state_; }
  [[nodiscard]] AddressRange universe() const noexcept { return state_.universe; }
  [[nodiscard]] bool is_empty() const noexcept { return state_.entries.empty(); }

  /// Takes a stored ring. Errors: Errc::malformed; Errc::conflict for another universe.
  [[nodiscard]] Result<> restore(RingState stored);

  /// Divides an empty ring among `peers`: sorted, without repetition, at least one.
  void divide(const std::vector<PeerName>& peers);

  /// Makes `peer` the owner of `range`, which this node must own as a whole.
  void grant(AddressRange range, PeerName peer);

  /// Has entries of its own for `range`, which one entry of this node covers. Other entries may
  /// then go without it.
  void cut_out(AddressRange range);

  /// Gives every entry of `from` to `to`, ahead of any concurrent change. Answers those ranges.
  std::vector<AddressRange> transfer(PeerName from, PeerName to);

  /// Takes in what another peer knows, entry by entry: what is no good is passed over. An entry of
  /// this node changes only when `terms` let go of it. After an error nothing changed.
  /// Errors: Errc::conflict when the ring was seeded differently or is about another range.
  [[nodiscard]] Result<MergeOutcome> merge(const RingState& received, MergeTerms terms);

  /// Reports how much of each of this node's entries is free. `free_in` counts within one range;
  /// an entry with a range of which it answers nothing stays as it is.
  void report_free(UniqueFunction<std::optional<std::uint32_t>(AddressRange)> free_in);

  /// Other peers with free addresses in entries that overlap `range`, sorted by name.
  [[nodiscard]] std::vector<Candidate> candidates(AddressRange range) const;

  /// The owner of an address of the universe; nobody while the ring is empty.
  [[nodiscard]] std::optional<PeerName> owner(Address address) const noexcept;
  /// Whether more is said here of the ranges of `peer` than it knows, who told a ring in which it
  /// owns `claimed`: nobody but their owner changes them, or takes them over.
  [[nodiscard]] bool is_ahead_of(PeerName peer, const RingState& told,
                                 const AddressSet& claimed) const noexcept;
  /// In address order; an entry that wraps gives two ranges.
  [[nodiscard]] std::vector<AddressRange> owned_ranges(PeerName peer) const;
  [[nodiscard]] bool mentions(PeerName peer) const noexcept;
  /// Everybody who owns addresses, sorted.
  [[nodiscard]] std::vector<PeerName> owners() const;

 private:
  void divide(AddressRange range, std::span<const PeerName> peers);

  RingState state_;
  PeerName self_;
};

}  // namespace weft::ipam
