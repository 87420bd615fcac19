/// What becomes of a take-over when the former owner was only cut off, and still says that its
/// ranges are its own: it gets back what this node has not given out, and is asked for the rest.

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/core.h>

#include "allocator.hpp"

namespace weft::ipam {
namespace {

/// The former owner is asked again this often at most.
constexpr Duration interval = std::chrono::seconds{1};
/// Addresses it is asked for at a time: so many it may give.
constexpr std::size_t most_asked = 128;

}  // namespace

/// Nothing more of these ranges is given out: both might give out the same.
void Allocator::reopen_take_overs(PeerName owner) {
  std::uint32_t in_use = 0;
  for (const Fence& fence : fences_.all()) {
    in_use += fence.from == owner ? space_.allocated().count_in(fence.range) : 0;
  }
  surroundings_.log().warn(
      "a peer came back from which this node took over: it has its ranges again, but for what it "
      "gives of the addresses in use here",
      "peer", with_nickname(nicknames_, owner), "in-use", in_use);
  refresh_space();
  disk_.changed();
}

/// Asks former owners that disagree for the addresses that this node's containers use, one by one.
/// These get entries of their own, so that the others can go back.
void Allocator::ask_for_addresses_in_use() {
  const TimePoint now = surroundings_.now();
  if (asked_in_use_ && now - *asked_in_use_ < interval) {
    return;
  }
  std::vector<std::pair<AddressRange, PeerName>> in_use;
  for (const Fence& fence : fences_.all()) {
    const bool is_contested = fence.kind == Fence::Kind::taken && !fence.is_granted() &&
                              surroundings_.is_known(fence.from);
    if (!is_contested) {
      continue;
    }
    for (const AddressRange range : space_.allocated().ranges()) {
      if (const AddressRange part = intersection(range, fence.range); !part.is_empty()) {
        in_use.emplace_back(part, fence.from);
      }
    }
  }
  std::size_t asked = 0;
  for (const auto& [range, owner] : in_use) {
    asked_in_use_ = now;
    if (ring_.state().entries.size() + 2 <= max_ring_entries) {
      ring_.cut_out(range);
    }
    for (Address address = range.start; address < range.end && asked < most_asked; ++address) {
      seeker_.ask_owner(address, owner, [](const Result<>& /*unreachable*/) {});
      ++asked;
    }
  }
}

/// A former owner does not give an address that is in use here.
void Allocator::hear_denial(PeerName owner, AddressRange denied) {
  if (surroundings_.is_neighbour(owner) && denied.size() == 1 && seeker_.is_asked(owner, denied) &&
      fences_.is_taken_from(owner, denied) && space_.has_allocations({&denied, 1})) {
    denied_[owner].add(denied);
  }
}

/// What it denied and says itself, over its own connection, that it owns: it has it in use, too.
void Allocator::cede_denied(PeerName owner, const AddressSet& claimed) {
  const auto denied = denied_.extract(owner);
  if (denied.empty()) {
    return;
  }
  for (const AddressRange range : denied.mapped().ranges()) {
    for (Address address = range.start; address < range.end; ++address) {
      if (claimed.contains(address) && fences_.is_taken_from(owner, single(address))) {
        space_.forget(address);
        surroundings_.log().error(
            "an address is in use on two nodes since this one took over from a peer that was not "
            "gone: make this node's container anew",
            "address", address_text(address), "peer", with_nickname(nicknames_, owner));
      }
    }
  }
}

/// Addresses that containers here have and another peer owns.
std::vector<std::string> Allocator::lost_addresses() const {
  std::vector<std::string> lost;
  for (const auto& [holder, holding] : holdings_) {
    for (const net::Cidr& address : holding.addresses) {
      const Address value = address.address.v4_value();
      const auto owner = ring_.owner(value);
      if (ring_.universe().contains(value) && owner && *owner != settings_.self) {
        lost.push_back(
            fmt::format("{} of {} belongs to {}, whose pods may have it, too: make {} anew",
                        address_text(value), holder, with_nickname(nicknames_, *owner), holder));
      }
    }
  }
  return lost;
}

}  // namespace weft::ipam
