/// What this node's containers ask for: allocate, claim, release, and why a wait was in vain.

#include "requests.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <tuple>
#include <utility>

#include <fmt/core.h>

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

void Requests::stop() noexcept {
  primes_.clear();
  claims_.clear();
  allocations_.clear();
}

void Requests::allocate(std::string owner, net::Cidr subnet, Answer<AllocatedAddress> answer,
                        Patience patience) {
  if (!subnet.address.is_v4() || subnet != subnet.network() ||
      subnet.prefix_length > longest_prefix) {
    answer(fail(Errc::invalid,
                fmt::format("allocate in {}: name an IPv4 subnet of at least four addresses, "
                            "without host bits",
                            net::to_string(subnet))));
    return;
  }
  if (!range_of(subnet).overlaps(parts_.ring.universe())) {
    answer(fail(Errc::invalid,
                fmt::format("allocate: range {} out of bounds: {}", net::to_string(subnet),
                            net::to_string(parts_.settings.universe))));
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
  settle_();
}

void Requests::claim(std::string owner, net::Cidr address, ClaimMode mode, Answer<> answer) {
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
  settle_();
}

void Requests::prime(Answer<> answer) {
  parts_.first_ring.establish();
  PendingPrime pending{{next_id_++, {}, false}, std::move(answer)};
  if (!try_prime(pending)) {
    pending.deadline = deadline_of(pending.id);
    primes_.push_back(std::move(pending));
  }
  settle_();
}

void Requests::release(const std::string& owner, Answer<std::vector<net::Cidr>> answer) {
  cancel(owner);
  parts_.disk.answer(std::move(answer), free_held(owner, [](const net::Cidr&) { return true; }));
  settle_();
}

void Requests::release_addresses(const std::string& owner,
                                 std::span<const net::IpAddress> addresses, Answer<> answer) {
  cancel(owner);
  std::ignore = free_held(owner, [addresses](const net::Cidr& held) {
    return std::ranges::find(addresses, held.address) != addresses.end();
  });
  parts_.disk.answer(std::move(answer));
  settle_();
}

void Requests::release_address(const std::string& owner, net::IpAddress address, Answer<> answer) {
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
  parts_.disk.answer(std::move(answer));
  settle_();
}

std::vector<net::Cidr> Requests::free_held(const std::string& owner,
                                           const std::function<bool(const net::Cidr&)>& is_meant) {
  const auto found = parts_.holdings.find(owner);
  if (found == parts_.holdings.end()) {
    return {};
  }
  std::vector<net::Cidr>& held = found->second.addresses;
  const auto meant = std::ranges::stable_partition(held, std::not_fn(is_meant));
  std::vector<net::Cidr> freed(meant.begin(), meant.end());
  held.erase(meant.begin(), meant.end());
  if (held.empty()) {
    parts_.holdings.erase(found);
  }
  for (const net::Cidr& address : freed) {
    const Address value = address.address.v4_value();
    parts_.space.release(value);
    if (parts_.fences.is_closed(single(value))) {
      parts_.space.forget(value);  // whose it is shows when the fence opens
    }
    parts_.disk.changed();
  }
  try_allocations();
  return freed;
}

std::vector<net::Cidr> Requests::lookup(std::string_view owner) const {
  const auto found = parts_.holdings.find(owner);
  return found == parts_.holdings.end() ? std::vector<net::Cidr>{} : found->second.addresses;
}

void Requests::try_all_waiting() {
  try_all(primes_, [this](PendingPrime& pending) { return try_prime(pending); });
  try_all(claims_, [this](PendingClaim& pending) { return try_claim(pending); });
  try_allocations();
}

void Requests::try_allocations() {
  std::ranges::stable_partition(
      allocations_, [](const PendingAllocation& pending) { return !pending.is_patient; });
  try_all(allocations_, [this](PendingAllocation& pending) { return try_allocation(pending); });
}

std::vector<WaitingClaim> Requests::waiting_claims() const {
  std::vector<WaitingClaim> waiting;
  for (const PendingClaim& pending : claims_) {
    waiting.push_back({pending.owner, pending.address});
  }
  return waiting;
}

std::vector<WaitingAllocation> Requests::waiting_allocations() const {
  std::vector<WaitingAllocation> waiting;
  for (const PendingAllocation& pending : allocations_) {
    if (!pending.is_patient || !parts_.ring.is_empty()) {
      waiting.push_back({pending.owner, pending.subnet});
    }
  }
  return waiting;
}

bool Requests::has_impatient() const noexcept {
  const auto is_hurried = [](const Pending& pending) { return !pending.is_patient; };
  return std::ranges::any_of(primes_, is_hurried) || std::ranges::any_of(claims_, is_hurried) ||
         std::ranges::any_of(allocations_, is_hurried);
}

/// Whether the range was divided just now, so that all that waits is about to be tried.
bool Requests::begins_ring() {
  const bool was_empty = parts_.ring.is_empty();
  parts_.first_ring.establish();
  return was_empty && !parts_.ring.is_empty();
}

bool Requests::try_prime(PendingPrime& pending) {
  if (parts_.ring.is_empty()) {
    return false;
  }
  parts_.disk.answer(std::move(pending.answer));
  return true;
}

bool Requests::try_allocation(PendingAllocation& pending) {
  const AddressRange wanted = range_of(pending.subnet);
  for (const net::Cidr& held : lookup(pending.owner)) {
    if (wanted.contains(held.address.v4_value())) {
      parts_.disk.answer(std::move(pending.answer),
                         {{held.address, pending.subnet.prefix_length}, true});
      return true;
    }
  }
  if (!pending.is_patient && begins_ring()) {
    return false;  // claims come first
  }
  if (const auto address = parts_.space.allocate(host_range_of(pending.subnet))) {
    const net::Cidr allocated{net::IpAddress::v4(*address), pending.subnet.prefix_length};
    add_holding(pending.owner, allocated);
    parts_.disk.answer(std::move(pending.answer), {allocated, false});
    return true;
  }
  parts_.seeker.ask(wanted);
  return false;
}

// Source: weaveworks/weave ipam/claim.go, Try.
bool Requests::try_claim(PendingClaim& pending) {
  const Address address = pending.address.address.v4_value();
  if (!parts_.ring.universe().contains(address)) {
    return try_outside_claim(pending);
  }
  ++pending.tries;
  if (!pending.is_patient && begins_ring()) {
    return false;  // whoever claimed before comes first
  }
  const auto owner = parts_.ring.owner(address);
  if (!owner) {
    if (pending.mode == ClaimMode::lenient) {
      succeed(pending);
    }
    return false;
  }
  if (*owner == parts_.settings.self) {
    return try_own_claim(pending);
  }
  parts_.seeker.ask_owner(address, *owner,
                          [this, id = pending.id, owner = *owner](const auto& sent) {
                            owner_unreachable(id, owner, sent.error());
                          });
  return false;
}

bool Requests::try_outside_claim(PendingClaim& pending) {
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

bool Requests::try_own_claim(PendingClaim& pending) {
  const std::string itself = net::to_string(pending.address.address);
  const std::string* const holder = holder_of(pending.address.address);
  if (parts_.fences.is_closed(single(pending.address.address.v4_value()))) {
    return false;  // its former owner may be using it
  }
  if (holder == nullptr) {
    if (parts_.space.claim(pending.address.address.v4_value())) {
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

void Requests::succeed(PendingClaim& pending) {
  if (pending.answer) {
    parts_.disk.answer(std::move(pending.answer));
    pending.deadline.cancel();
  }
}

void Requests::refuse(PendingClaim& pending, std::string why) {
  if (pending.answer) {
    pending.answer(fail(Errc::conflict, "claim: " + std::move(why)));
  } else {
    surroundings_.log().error("a claim that was accepted earlier failed", "owner", pending.owner,
                              "reason", why);
  }
}

void Requests::refuse_foreign(PendingClaim& pending, PeerName owner, std::string_view reason) {
  refuse(pending,
         fmt::format("address {} is owned by other peer {}{}", net::to_string(pending.address),
                     with_nickname(parts_.nicknames, owner), reason));
}

void Requests::owner_unreachable(std::uint64_t id, PeerName owner, const Error& error) {
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
  settle_();
}

void Requests::denied_by(PeerName owner, AddressRange range) {
  std::size_t foreign = 0;
  try_all(claims_, [&](PendingClaim& pending) {
    const Address address = pending.address.address.v4_value();
    if (!range.contains(address)) {
      return false;
    }
    if (parts_.ring.owner(address) != owner) {
      ++foreign;
      return false;
    }
    refuse_foreign(pending, owner, "");
    return true;
  });
  parts_.rejections.count("denial", foreign);
}

void Requests::cancel(PendingClaim& pending) {
  if (pending.answer) {
    pending.answer(
        fail(Errc::cancelled, fmt::format("claim for {}: released meanwhile", pending.owner)));
  }
}

void Requests::cancel(std::string_view owner) {
  for (PendingClaim& pending : take_all(claims_, owner)) {
    cancel(pending);
  }
  for (PendingAllocation& pending : take_all(allocations_, owner)) {
    pending.answer(
        fail(Errc::cancelled, fmt::format("allocate for {}: released meanwhile", owner)));
  }
}

Timer Requests::deadline_of(std::uint64_t id) {
  return surroundings_.after(parts_.settings.allocate_timeout, [this, id] { expire(id); });
}

void Requests::expire(std::uint64_t id) {
  const auto too_late = [this](std::string what, const std::string& why) {
    const auto seconds = std::chrono::duration<double>(parts_.settings.allocate_timeout).count();
    return fail(Errc::timeout, fmt::format("{} within {}s: {}", what, seconds, why));
  };
  if (auto prime = take(primes_, id)) {
    prime->answer(too_late("agree on the address ring", parts_.first_ring.why_none()));
  } else if (auto claim = take(claims_, id)) {
    const Address address = claim->address.address.v4_value();
    const auto owner = parts_.ring.owner(address);
    claim->answer(too_late(
        fmt::format("claim {} for {}", net::to_string(claim->address), claim->owner),
        !owner                           ? parts_.first_ring.why_none()
        : *owner == parts_.settings.self ? why_no_space(single(address))
                                         : fmt::format("its owner {} does not answer",
                                                       with_nickname(parts_.nicknames, *owner))));
  } else if (auto allocation = take(allocations_, id)) {
    allocation->answer(too_late(fmt::format("allocate an address in {} for {}",
                                            net::to_string(allocation->subnet), allocation->owner),
                                parts_.ring.is_empty()
                                    ? parts_.first_ring.why_none()
                                    : why_no_space(range_of(allocation->subnet))));
  }
}

std::string Requests::why_no_space(AddressRange wanted) const {
  const auto candidates = parts_.ring.candidates(wanted);
  if (const std::uint64_t waiting = parts_.fences.closed_addresses(); waiting > 0) {
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
      unreachable +=
          (unreachable.empty() ? "" : ", ") + with_nickname(parts_.nicknames, candidate.peer);
    }
  }
  if (reachable == 0) {
    return "all owners of free addresses are unreachable: " + unreachable +
           "; 'weft rmpeer' takes over from those that are gone for good";
  }
  return fmt::format("none of {} peers with free addresses gave any", reachable);
}

void Requests::add_holding(const std::string& owner, const net::Cidr& address) {
  parts_.holdings[file_name(owner, address.address)].addresses.push_back(address);
  parts_.disk.changed();
}

const std::string* Requests::holder_of(const net::IpAddress& address) const {
  for (const auto& [owner, holding] : parts_.holdings) {
    if (std::ranges::find(holding.addresses, address, &net::Cidr::address) !=
        holding.addresses.end()) {
      return &owner;
    }
  }
  return nullptr;
}

}  // namespace weft::ipam
