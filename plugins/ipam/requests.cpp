/// What this node's containers ask for: allocate, claim, release, and why a wait was in vain.

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "allocator.hpp"

namespace weft::ipam {

namespace {

/// Files an address under itself. Source: weaveworks/weave api, NoContainerID.
constexpr std::string_view anonymous = "_";

/// A subnet of fewer addresses has none for hosts. Source: weaveworks/weave ipam/allocator.go,
/// MinSubnetSize.
constexpr unsigned longest_prefix = 30;

/// A claim whose owner cannot be reached is given up after so many tries.
/// Source: weaveworks/weave ipam/claim.go, maxTryCount.
constexpr unsigned most_tries = 5;

std::string file_name(const std::string& owner, const net::IpAddress& address) {
  return owner == anonymous ? net::to_string(address) : owner;
}

/// Removes and returns the request `id` of `queue`.
template <class T>
std::optional<T> take(std::vector<T>& queue, std::uint64_t id) {
  const auto found = std::ranges::find(queue, id, &T::id);
  if (found == queue.end()) {
    return std::nullopt;
  }
  T taken = std::move(*found);
  queue.erase(found);
  return taken;
}

/// Removes and returns the requests of `owner`.
template <class T>
std::vector<T> take_all(std::vector<T>& queue, std::string_view owner) {
  const auto theirs = std::ranges::stable_partition(
      queue, [owner](const T& pending) { return pending.owner != owner; });
  std::vector<T> taken(std::move_iterator(theirs.begin()), std::move_iterator(theirs.end()));
  queue.erase(theirs.begin(), theirs.end());
  return taken;
}

/// Tries every request once and keeps those that must wait on.
template <class T, class Try>
void try_all(std::vector<T>& queue, Try attempt) {
  for (T& pending : std::exchange(queue, {})) {
    if (!attempt(pending)) {
      queue.push_back(std::move(pending));
    }
  }
}

}  // namespace

void Allocator::allocate(std::string owner, net::Cidr subnet, Answer<AllocatedAddress> answer,
                         Patience patience) {
  if (!subnet.address.is_v4() || subnet != subnet.network() ||
      subnet.prefix_length > longest_prefix) {
    answer(fail(Errc::invalid,
                fmt::format("allocate in {}: name an IPv4 subnet of at least four addresses, "
                            "without host bits",
                            net::to_string(subnet))));
    return;
  }
  if (!range_of(subnet).overlaps(universe_)) {
    answer(fail(Errc::invalid,
                fmt::format("allocate: range {} out of bounds: {}", net::to_string(subnet),
                            net::to_string(settings_.universe))));
    return;
  }
  const bool is_patient = patience == Patience::endless;
  PendingAllocation pending{
      {next_id_++, {}, is_patient}, std::move(owner), subnet, std::move(answer)};
  if (!try_allocation(pending)) {
    if (!is_patient) {
      pending.deadline = deadline_of(pending.id);
    }
    allocations_.push_back(std::move(pending));
  }
  settle();
}

void Allocator::claim(std::string owner, net::Cidr address, ClaimMode mode, Answer<> answer) {
  if (!address.address.is_v4()) {
    answer(fail(Errc::invalid,
                fmt::format("claim {}: only IPv4 addresses are managed", net::to_string(address))));
    return;
  }
  PendingClaim pending{{next_id_++, {}, mode == ClaimMode::found},
                       std::move(owner),
                       address,
                       mode,
                       std::move(answer),
                       0};
  if (!try_claim(pending)) {
    if (pending.answer && !pending.is_patient) {
      pending.deadline = deadline_of(pending.id);
    }
    claims_.push_back(std::move(pending));
  }
  settle();
}

void Allocator::prime(Answer<> answer) {
  establish_ring();
  PendingPrime pending{{next_id_++, {}, false}, std::move(answer)};
  if (!try_prime(pending)) {
    pending.deadline = deadline_of(pending.id);
    primes_.push_back(std::move(pending));
  }
  settle();
}

void Allocator::release(const std::string& owner, Answer<std::vector<net::Cidr>> answer) {
  cancel(owner);
  answer_after_save(std::move(answer), free_held(owner, [](const net::Cidr&) { return true; }));
  settle();
}

void Allocator::release_addresses(const std::string& owner,
                                  std::span<const net::IpAddress> addresses, Answer<> answer) {
  cancel(owner);
  std::ignore = free_held(owner, [addresses](const net::Cidr& held) {
    return std::ranges::find(addresses, held.address) != addresses.end();
  });
  answer_after_save(std::move(answer));
  settle();
}

void Allocator::release_address(const std::string& owner, net::IpAddress address, Answer<> answer) {
  const auto is_same = [&](const PendingClaim& pending) {
    return pending.owner == owner && pending.address.address == address;
  };
  bool is_claimed = false;
  for (auto claim = claims_.end();
       (claim = std::ranges::find_if(claims_, is_same)) != claims_.end();) {
    PendingClaim pending = std::move(*claim);
    claims_.erase(claim);
    cancel(pending);
    is_claimed = true;
  }
  const auto freed =
      free_held(owner, [&address](const net::Cidr& held) { return held.address == address; });
  if (freed.empty() && !is_claimed) {
    answer(fail(Errc::not_found, fmt::format("release: address {} not found for {}",
                                             net::to_string(address), owner)));
    return;
  }
  answer_after_save(std::move(answer));
  settle();
}

std::vector<net::Cidr> Allocator::free_held(const std::string& owner,
                                            const std::function<bool(const net::Cidr&)>& is_meant) {
  const auto found = holdings_.find(owner);
  if (found == holdings_.end()) {
    return {};
  }
  std::vector<net::Cidr>& held = found->second.addresses;
  const auto meant = std::ranges::stable_partition(held, std::not_fn(is_meant));
  std::vector<net::Cidr> freed(meant.begin(), meant.end());
  held.erase(meant.begin(), meant.end());
  if (held.empty()) {
    holdings_.erase(found);
  }
  for (const net::Cidr& address : freed) {
    space_.release(address.address.v4_value());
    are_holdings_unsaved_ = true;
  }
  try_allocations();
  return freed;
}

std::vector<net::Cidr> Allocator::lookup(std::string_view owner) const {
  const auto found = holdings_.find(owner);
  return found == holdings_.end() ? std::vector<net::Cidr>{} : found->second.addresses;
}

void Allocator::try_pending() {
  try_all(primes_, [this](PendingPrime& pending) { return try_prime(pending); });
  try_all(claims_, [this](PendingClaim& pending) { return try_claim(pending); });
  try_allocations();
}

void Allocator::try_allocations() {
  std::ranges::stable_partition(
      allocations_, [](const PendingAllocation& pending) { return !pending.is_patient; });
  try_all(allocations_, [this](PendingAllocation& pending) { return try_allocation(pending); });
}

bool Allocator::has_impatient() const noexcept {
  const auto is_hurried = [](const Pending& pending) { return !pending.is_patient; };
  return std::ranges::any_of(primes_, is_hurried) || std::ranges::any_of(claims_, is_hurried) ||
         std::ranges::any_of(allocations_, is_hurried);
}

/// Whether the range was divided just now, so that all that waits is about to be tried.
bool Allocator::begins_ring() {
  const bool was_empty = ring_.is_empty();
  establish_ring();
  return was_empty && !ring_.is_empty();
}

bool Allocator::try_prime(PendingPrime& pending) {
  if (ring_.is_empty()) {
    return false;
  }
  answer_after_save(std::move(pending.answer));
  return true;
}

bool Allocator::try_allocation(PendingAllocation& pending) {
  const AddressRange wanted = range_of(pending.subnet);
  for (const net::Cidr& held : lookup(pending.owner)) {
    if (wanted.contains(held.address.v4_value())) {
      answer_after_save(std::move(pending.answer),
                        {{held.address, pending.subnet.prefix_length}, true});
      return true;
    }
  }
  if (!pending.is_patient && begins_ring()) {
    return false;  // claims come first
  }
  if (const auto address = space_.allocate(host_range_of(pending.subnet))) {
    const net::Cidr allocated{net::IpAddress::v4(*address), pending.subnet.prefix_length};
    add_holding(pending.owner, allocated);
    answer_after_save(std::move(pending.answer), {allocated, false});
    return true;
  }
  request_space(wanted);
  return false;
}

// Source: weaveworks/weave ipam/claim.go, Try.
bool Allocator::try_claim(PendingClaim& pending) {
  const Address address = pending.address.address.v4_value();
  if (!universe_.contains(address)) {
    return try_outside_claim(pending);
  }
  ++pending.tries;
  if (!pending.is_patient && begins_ring()) {
    return false;  // whoever claimed before comes first
  }
  const auto owner = ring_.owner(address);
  if (!owner) {
    if (pending.mode == ClaimMode::lenient) {
      succeed(pending);
    }
    return false;
  }
  if (*owner == settings_.self) {
    return try_own_claim(pending);
  }
  request_address(pending, *owner);
  return false;
}

bool Allocator::try_outside_claim(PendingClaim& pending) {
  const std::string* const holder = holder_of(pending.address.address);
  if (holder == nullptr) {
    add_holding(pending.owner, pending.address);
  } else if (*holder != pending.owner && pending.owner != anonymous) {
    refuse(pending, fmt::format("address {} already in use by {}", net::to_string(pending.address),
                                *holder));
    return true;
  }
  succeed(pending);
  return true;
}

bool Allocator::try_own_claim(PendingClaim& pending) {
  const std::string itself = net::to_string(pending.address.address);
  const std::string* const holder = holder_of(pending.address.address);
  if (fences_.is_closed(single(pending.address.address.v4_value()))) {
    return false;  // its former owner may be using it
  }
  if (holder == nullptr) {
    if (space_.claim(pending.address.address.v4_value())) {
      add_holding(pending.owner, pending.address);
      succeed(pending);
    } else {
      refuse(pending, fmt::format("address {} is not free", net::to_string(pending.address)));
    }
  } else if (*holder == pending.owner || pending.owner == anonymous) {
    succeed(pending);  // nobody can prove that an anonymous owner is another one
  } else if (*holder == itself) {
    refuse(pending, fmt::format("address {} already in use", net::to_string(pending.address)));
  } else {
    refuse(pending, fmt::format("address {} is already owned by {}",
                                net::to_string(pending.address), *holder));
  }
  return true;
}

void Allocator::succeed(PendingClaim& pending) {
  if (pending.answer) {
    answer_after_save(std::move(pending.answer));
    pending.deadline.cancel();
  }
}

void Allocator::refuse(PendingClaim& pending, std::string why) {
  if (pending.answer) {
    pending.answer(fail(Errc::conflict, "claim: " + std::move(why)));
  } else {
    surroundings_.log().error("a claim that was accepted earlier failed", "owner", pending.owner,
                              "reason", why);
  }
}

void Allocator::refuse_foreign(PendingClaim& pending, PeerName owner, std::string_view reason) {
  refuse(pending, fmt::format("address {} is owned by other peer {}{}",
                              net::to_string(pending.address), with_nickname(owner), reason));
}

void Allocator::claim_request_failed(std::uint64_t id, PeerName owner, const Error& error) {
  const auto found = std::ranges::find(claims_, id, &PendingClaim::id);
  if (found == claims_.end()) {
    return;
  }
  if (found->mode == ClaimMode::lenient) {
    succeed(*found);
  } else if (found->mode == ClaimMode::strict && found->tries > most_tries) {
    auto pending = std::move(*found);
    claims_.erase(found);
    refuse_foreign(pending, owner, " - " + error.message());
  }
  settle();
}

void Allocator::denied_by(PeerName owner, AddressRange range) {
  std::size_t foreign = 0;
  try_all(claims_, [&](PendingClaim& pending) {
    const Address address = pending.address.address.v4_value();
    if (!range.contains(address)) {
      return false;
    }
    if (ring_.owner(address) != owner) {
      ++foreign;
      return false;
    }
    refuse_foreign(pending, owner, "");
    return true;
  });
  refused("denial", foreign);
}

void Allocator::cancel(PendingClaim& pending) {
  if (pending.answer) {
    pending.answer(
        fail(Errc::cancelled, fmt::format("claim for {}: released meanwhile", pending.owner)));
  }
}

void Allocator::cancel(std::string_view owner) {
  for (PendingClaim& pending : take_all(claims_, owner)) {
    cancel(pending);
  }
  for (PendingAllocation& pending : take_all(allocations_, owner)) {
    pending.answer(
        fail(Errc::cancelled, fmt::format("allocate for {}: released meanwhile", owner)));
  }
}

Timer Allocator::deadline_of(std::uint64_t id) {
  return surroundings_.after(settings_.allocate_timeout, [this, id] { expire(id); });
}

void Allocator::expire(std::uint64_t id) {
  const auto too_late = [this](std::string what, const std::string& why) {
    const auto seconds = std::chrono::duration<double>(settings_.allocate_timeout).count();
    return fail(Errc::timeout, fmt::format("{} within {}s: {}", what, seconds, why));
  };
  if (auto prime = take(primes_, id)) {
    prime->answer(too_late("agree on the address ring", why_no_ring()));
  } else if (auto claim = take(claims_, id)) {
    const Address address = claim->address.address.v4_value();
    const auto owner = ring_.owner(address);
    claim->answer(
        too_late(fmt::format("claim {} for {}", net::to_string(claim->address), claim->owner),
                 !owner ? why_no_ring()
                 : *owner == settings_.self
                     ? why_no_space(single(address))
                     : fmt::format("its owner {} does not answer", with_nickname(*owner))));
  } else if (auto allocation = take(allocations_, id)) {
    allocation->answer(
        too_late(fmt::format("allocate an address in {} for {}", net::to_string(allocation->subnet),
                             allocation->owner),
                 ring_.is_empty() ? why_no_ring() : why_no_space(range_of(allocation->subnet))));
  }
}

std::string Allocator::why_no_ring() const {
  if (is_searching_) {
    return "this node lost its saved state and waits for a peer that knows the address ring";
  }
  if (!elector_) {
    return "no peer with an address ring answered, and this node only observes";
  }
  return fmt::format("no quorum yet: known {} of {} peers", elector_->known().size(),
                     elector_->quorum());
}

std::string Allocator::why_no_space(AddressRange wanted) const {
  const auto candidates = ring_.candidates(wanted);
  if (const std::uint64_t waiting = fences_.closed_addresses(); waiting > 0) {
    return fmt::format("{} addresses wait until it is certain that their former owner gave them up",
                       waiting);
  }
  if (candidates.empty()) {
    return "pool exhausted: no peer reports a free address";
  }
  std::string unreachable;
  std::size_t reachable = 0;
  for (const Ring::Candidate& candidate : candidates) {
    if (surroundings_.is_known(candidate.peer)) {
      ++reachable;
    } else {
      unreachable += (unreachable.empty() ? "" : ", ") + with_nickname(candidate.peer);
    }
  }
  if (reachable == 0) {
    return "all owners of free addresses are unreachable: " + unreachable +
           "; 'weft rmpeer' takes over from those that are gone for good";
  }
  return fmt::format("none of {} peers with free addresses gave any", reachable);
}

void Allocator::add_holding(const std::string& owner, const net::Cidr& address) {
  holdings_[file_name(owner, address.address)].addresses.push_back(address);
  are_holdings_unsaved_ = true;
}

const std::string* Allocator::holder_of(const net::IpAddress& address) const {
  for (const auto& [owner, holding] : holdings_) {
    if (std::ranges::find(holding.addresses, address, &net::Cidr::address) !=
        holding.addresses.end()) {
      return &owner;
    }
  }
  return nullptr;
}

}  // namespace weft::ipam
