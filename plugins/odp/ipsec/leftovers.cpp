/// Finds, keeps and removes what an earlier run left.

#include "leftovers.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace weft::ipsec {
namespace {

/// Moves what `is_wanted` says from `from` to the result.
template <class T, class Predicate>
std::vector<T> extract(std::vector<T>& from, Predicate is_wanted) {
  const auto wanted = std::stable_partition(from.begin(), from.end(), std::not_fn(is_wanted));
  std::vector<T> extracted(std::make_move_iterator(wanted), std::make_move_iterator(from.end()));
  from.erase(wanted, from.end());
  return extracted;
}

bool concerns(const Tunnel& tunnel, const Direction& outbound) {
  return tunnel.local == outbound.source && tunnel.remote == outbound.destination;
}

Direction reverse(const Direction& direction) {
  return {direction.destination, direction.source};
}

}  // namespace

Result<Leftovers> Leftovers::find(Xfrm& xfrm, Firewall& firewall, std::uint16_t port) {
  Leftovers left;
  const std::set<Tunnel> guarded = firewall.tunnels();
  left.tunnels_.assign(guarded.begin(), guarded.end());
  WEFT_TRY(left.associations_, xfrm.associations());
  WEFT_TRY(left.policies_, xfrm.policies());

  for (const Association& demanded : left.policies_) {
    const Direction& outbound = demanded.direction;
    if (std::ranges::none_of(left.tunnels_,
                             [&](const Tunnel& tunnel) { return concerns(tunnel, outbound); })) {
      const Tunnel tunnel{outbound.source, outbound.destination, port};
      WEFT_TRY(firewall.guard(tunnel));
      left.tunnels_.push_back(tunnel);
    }
    // The original's associations carry no mark; those that send are known by their policy.
    if (std::ranges::count(left.associations_, demanded) == 0) {
      left.associations_.push_back(demanded);
    }
  }
  return left;
}

std::vector<Association> Leftovers::take(const Direction& direction) {
  return extract(associations_, [&](const Association& association) {
    return association.direction == direction;
  });
}

void Leftovers::remove(Xfrm& xfrm, Firewall& firewall, const Direction& outbound) {
  const auto demanded =
      extract(policies_, [&](const Association& policy) { return policy.direction == outbound; });
  for (const Association& old : demanded) {
    if (const auto now = xfrm.policy(outbound); now && *now == old) {
      static_cast<void>(xfrm.remove_policy(outbound));
    }
  }
  for (const Direction& direction : {outbound, reverse(outbound)}) {
    for (const Association& association : take(direction)) {
      static_cast<void>(xfrm.remove(association));
    }
  }
  // Last: until here the tunnel's packets pass encrypted or not at all.
  const auto guarded =
      extract(tunnels_, [&](const Tunnel& tunnel) { return concerns(tunnel, outbound); });
  for (const Tunnel& tunnel : guarded) {
    static_cast<void>(firewall.release(tunnel));
  }
}

void Leftovers::remove_all(Xfrm& xfrm, Firewall& firewall) {
  while (!policies_.empty()) {
    remove(xfrm, firewall, Direction{policies_.back().direction});
  }
  while (!associations_.empty()) {
    const Association association = associations_.back();
    associations_.pop_back();
    static_cast<void>(xfrm.remove(association));
  }
  while (!tunnels_.empty()) {
    remove(xfrm, firewall, {tunnels_.back().local, tunnels_.back().remote});
  }
}

}  // namespace weft::ipsec
