/// Comparing claims about peers.

#include "gossip/claims.hpp"

#include <algorithm>

namespace weft::gossip {
namespace {

/// A short id is also news to a peer first met through protocol 1.
bool learns_short_id(const Topology::Peer& known, const Topology::Peer& claim) {
  return claim.short_id && !known.short_id;
}

bool is_newer(const Topology::Peer& claim, const Topology::Peer& known) {
  if (claim.version != known.version) {
    return claim.version > known.version;
  }
  if (claim.uid != known.uid) {
    return claim.uid > known.uid;
  }
  return learns_short_id(known, claim);
}

bool differs(const Topology::Peer& claim, const Topology::Peer& known) {
  return claim.version != known.version || claim.uid != known.uid || learns_short_id(known, claim);
}

bool same_connections(const Topology::Peer& a, const Topology::Peer& b) {
  return std::equal(a.connections.begin(), a.connections.end(), b.connections.begin(),
                    b.connections.end(), [](const auto& x, const auto& y) {
                      return x.remote == y.remote && x.address == y.address &&
                             x.outbound == y.outbound && x.established == y.established;
                    });
}

}  // namespace

Verdict judge(const Topology::Peer* known, const Topology::Peer& claim,
              Standing standing) noexcept {
  if (claim.version > max_version) {
    return Verdict::beyond_ceiling;
  }
  const bool is_placeholder = known == nullptr || known->uid == 0;
  if (known == nullptr) {
    return Verdict::take;
  }
  const bool are_counted = is_counted(claim.version) && is_counted(known->version);
  const bool is_preferred = is_newer(claim, *known);
  switch (standing) {
    case Standing::itself:
      return differs(claim, *known) ? Verdict::take : Verdict::keep;
    case Standing::overruled:
      return is_preferred ? Verdict::not_first_hand : Verdict::keep;
    case Standing::nearest:
      return is_preferred || (!are_counted && differs(claim, *known)) ? Verdict::take
                                                                      : Verdict::keep;
    case Standing::hearsay:
      break;
  }
  if (!is_preferred) {
    return Verdict::keep;
  }
  return are_counted || is_placeholder ? Verdict::take : Verdict::not_nearest;
}

bool is_rival(const Topology::Peer& self, const Topology::Peer& claim) noexcept {
  if (claim.version != self.version) {
    return claim.version > self.version && claim.version <= max_version;
  }
  return claim.uid != self.uid || claim.nickname != self.nickname ||
         (claim.short_id && claim.short_id != self.short_id) || !same_connections(self, claim);
}

}  // namespace weft::gossip
