#pragma once
/// The addresses this node owns, one by one: which are allocated and which are free.
/// Source: weaveworks/weave ipam/space/space.go.

#include <optional>
#include <span>

#include "address_range.hpp"

namespace weft::ipam {

/// Owned addresses are exactly the allocated and the free ones; no address is both.
/// A value; used on its owner's thread.
class Space {
 public:
  /// Makes `owned` the addresses that this node may give out. What is new is free; free addresses
  /// that are no longer owned are forgotten. Allocated ones stay: the caller never gives those
  /// away.
  void set_owned(std::span<const AddressRange> owned);

  /// Takes the lowest free address of `range`.
  [[nodiscard]] std::optional<Address> allocate(AddressRange range);
  /// Takes this address. False when it is not free.
  [[nodiscard]] bool claim(Address address);
  /// Gives an allocated address back; nothing happens when it is not allocated here.
  void release(Address address);
  /// It is not this node's to give out any more, allocated or free.
  void forget(Address address);

  /// Takes out what another node that wants space in `range` should get: the last of the biggest
  /// aligned free blocks, of which it gets the upper half when that is more than half of what is
  /// free there. Nothing when `range` has no free address.
  /// Source: weaveworks/weave ipam/space/space.go, Donate.
  [[nodiscard]] std::optional<AddressRange> donate(AddressRange range);

  [[nodiscard]] std::uint32_t free_in(AddressRange range) const noexcept {
    return free_.count_in(range);
  }
  /// True when an address of any of the ranges is allocated.
  [[nodiscard]] bool has_allocations(std::span<const AddressRange> ranges) const noexcept;

  [[nodiscard]] const AddressSet& allocated() const noexcept { return allocated_; }
  [[nodiscard]] const AddressSet& free() const noexcept { return free_; }

 private:
  AddressSet allocated_;
  AddressSet free_;
};

}  // namespace weft::ipam
