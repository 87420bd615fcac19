/// Claims addresses that pods were found with.

#include "found_pods.hpp"

#include <algorithm>
#include <set>

#include <fmt/core.h>

namespace weft::ipam {

namespace {

/// Files an address under itself.
constexpr std::string_view unknown_holder = "_";

std::set<net::IpAddress> held_addresses(const Holdings& holdings) {
  std::set<net::IpAddress> held;
  for (const auto& [owner, holding] : holdings) {
    for (const net::Cidr& address : holding.addresses) {
      held.insert(address.address);
    }
  }
  return held;
}

}  // namespace

std::vector<net::Cidr> addresses_in(const net::Cidr& universe, const std::vector<BridgePod>& pods) {
  std::vector<net::Cidr> inside;
  for (const BridgePod& pod : pods) {
    std::ranges::copy_if(pod.addresses, std::back_inserter(inside), [&](const net::Cidr& address) {
      return universe.contains(address.address);
    });
  }
  return inside;
}

void FoundPods::claim(Allocator& allocator, const net::Cidr& universe, const net::Cidr& subnet,
                      const std::vector<BridgePod>& pods) {
  const auto held = held_addresses(allocator.holdings());
  std::size_t found = 0;
  unseen_.clear();
  for (const BridgePod& pod : pods) {
    if (pod.addresses.empty()) {
      unseen_.push_back(pod.port);
    }
    for (net::Cidr address : addresses_in(universe, {pod})) {
      if (held.contains(address.address)) {
        continue;
      }
      if (address.prefix_length == address.address.width()) {
        address.prefix_length = subnet.prefix_length;
      }
      ++found;
      claim_one(allocator, pod, address);
    }
  }
  if (found > 0) {
    log_.warn("pods have addresses that this node has not stored; claiming them", "addresses",
              found);
  }
  for (const std::string& port : unseen_) {
    log_.warn("the address of a pod cannot be seen; nothing keeps it from being given out again",
              "port", port);
  }
}

void FoundPods::claim_one(Allocator& allocator, const BridgePod& pod, net::Cidr address) {
  const std::string holder = pod.holder.empty() ? std::string(unknown_holder) : pod.holder;
  ++waiting_;
  allocator.claim(
      holder, address, ClaimMode::found, [this, address, port = pod.port](const Result<>& claimed) {
        --waiting_;
        if (claimed || claimed.error().code == Errc::cancelled) {
          return;
        }
        refused_.push_back(fmt::format("the pod at port {} uses {}: {}", port,
                                       net::to_string(address.address), claimed.error().message()));
        log_.error("a pod uses an address that is not its own", "port", port, "address", address,
                   "error", claimed.error());
      });
}

std::vector<std::string> FoundPods::warnings() const {
  std::vector<std::string> warnings = refused_;
  if (waiting_ > 0) {
    warnings.push_back(fmt::format(
        "{} addresses found in pods wait for their place in the address ring", waiting_));
  }
  for (const std::string& port : unseen_) {
    warnings.push_back(fmt::format("the address of the pod at port {} cannot be seen", port));
  }
  return warnings;
}

}  // namespace weft::ipam
