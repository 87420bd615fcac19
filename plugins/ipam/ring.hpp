#pragma once
/// Who owns which part of the address range: a ring of tokens that every peer keeps a copy of and
/// that converges by merging.
/// Source: weaveworks/weave ipam/ring/ring.go.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <weft/function.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>

#include "address_range.hpp"

namespace weft::ipam {

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

  /// Addresses from token `a` up to token `b`, through the end of the universe if need be.
  [[nodiscard]] std::uint32_t distance(Address a, Address b) const noexcept;
  /// The same addresses as one range, or two when they wrap.
  [[nodiscard]] std::vector<AddressRange> ranges(Address a, Address b) const;
  /// The token of the entry after `index`, going round.
  [[nodiscard]] Address token_after(std::size_t index) const noexcept {
    return entries[(index + 1) % entries.size()].token;
  }
};

/// This node's copy of the ring. Always satisfies RingState::check. A value.
class Ring {
 public:
  /// Tells whether this node's addresses in the ranges are not all free.
  using HasAllocations = UniqueFunction<bool(std::span<const AddressRange>)>;

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

  /// Gives every entry of `from` to `to`, ahead of any concurrent change. Answers those ranges.
  std::vector<AddressRange> transfer(PeerName from, PeerName to);

  /// Takes in what another peer knows; answers whether anything changed. After an error nothing
  /// changed. Errors: Errc::malformed; Errc::conflict when it was seeded differently, is about
  /// another range, or would take addresses in use from this node.
  [[nodiscard]] Result<bool> merge(const RingState& received, HasAllocations has_allocations);

  /// Reports how much of each of this node's entries is free. `free_in` counts within one range.
  void report_free(UniqueFunction<std::uint32_t(AddressRange)> free_in);

  /// Other peers with free addresses in entries that overlap `range`, sorted by name.
  [[nodiscard]] std::vector<Candidate> candidates(AddressRange range) const;

  /// The owner of an address of the universe; nobody while the ring is empty.
  [[nodiscard]] std::optional<PeerName> owner(Address address) const noexcept;
  /// In address order; an entry that wraps gives two ranges.
  [[nodiscard]] std::vector<AddressRange> owned_ranges(PeerName peer) const;
  [[nodiscard]] bool mentions(PeerName peer) const noexcept;

 private:
  void divide(AddressRange range, std::span<const PeerName> peers);

  RingState state_;
  PeerName self_;
};

}  // namespace weft::ipam
