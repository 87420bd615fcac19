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

Direction reverse(const Direction& direction) {
  return {direction.destination, direction.source};
}

Direction outbound_of(const Tunnel& tunnel) {
  return {tunnel.local, tunnel.remote};
}

void remove_policies(Xfrm& xfrm, const std::vector<Association>& demanded) {
  for (const Association& old : demanded) {
    if (const auto now = xfrm.policy(old.direction); now && *now == old) {
      static_cast<void>(xfrm.remove_policy(old.direction));
    }
  }
}

void remove_associations(Xfrm& xfrm, const std::vector<Association>& associations) {
  for (const Association& association : associations) {
    static_cast<void>(xfrm.remove(association));
  }
}

/// Last: until here the tunnels' packets pass encrypted or not at all.
void release(Firewall& firewall, const std::vector<Tunnel>& tunnels) {
  for (const Tunnel& tunnel : tunnels) {
    static_cast<void>(firewall.release(tunnel));
  }
}

}  // namespace

Result<Leftovers> Leftovers::find(Xfrm& xfrm, Firewall& firewall, std::uint16_t port) {
  Leftovers left;
  const std::set<Tunnel> guarded = firewall.tunnels();
  left.tunnels_.assign(guarded.begin(), guarded.end());
  WEFT_TRY(left.associations_, xfrm.associations());
  WEFT_TRY(left.originals_, xfrm.original_associations());
  WEFT_TRY(left.policies_, xfrm.policies());

  for (const Association& demanded : left.policies_) {
    const Direction& outbound = demanded.direction;
    if (std::ranges::count(left.tunnels_, outbound, outbound_of) == 0) {
      const Tunnel tunnel{outbound.source, outbound.destination, port};
      WEFT_TRY(firewall.guard(tunnel));
      left.tunnels_.push_back(tunnel);
    }
    // Weave Net's associations carry no mark; those that send are known by their policy.
    if (std::ranges::count(left.associations_, demanded) == 0) {
      left.associations_.push_back(demanded);
    }
  }
  return left;
}

std::vector<Association> Leftovers::take(const Direction& direction) {
  const auto is_wanted = [&](const Association& each) { return each.direction == direction; };
  std::vector<Association> taken = extract(associations_, is_wanted);
  std::ranges::move(extract(originals_, is_wanted), std::back_inserter(taken));
  return taken;
}

void Leftovers::remove(Xfrm& xfrm, Firewall& firewall, const Tunnel& tunnel) {
  const Direction outbound = outbound_of(tunnel);
  remove_policies(xfrm, extract(policies_, [&](const Association& policy) {
                    return policy.direction == outbound;
                  }));
  for (const Direction& direction : {outbound, reverse(outbound)}) {
    remove_associations(xfrm, take(direction));
  }
  release(firewall, extract(tunnels_, [&](const Tunnel& guarded) { return guarded == tunnel; }));
}

void Leftovers::remove_all(Xfrm& xfrm, Firewall& firewall) {
  remove_policies(xfrm, std::exchange(policies_, {}));
  remove_associations(xfrm, std::exchange(associations_, {}));
  release(firewall, std::exchange(tunnels_, {}));
}

}  // namespace weft::ipsec
