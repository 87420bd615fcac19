#pragma once
/// What an earlier run of the daemon left in the kernel when it did not end in order.

#include <cstdint>
#include <vector>

#include <weft/result.hpp>

#include "firewall.hpp"
#include "xfrm.hpp"

namespace weft::ipsec {

/// Associations, policies and guarded tunnels that belong to nobody any more. They keep protecting
/// what the kernel still sends, until a new connection to the same peer is encrypted, or nobody
/// came back for long enough. A value of Ipsec's thread; what the kernel refuses to remove stays
/// until the next start.
class Leftovers {
 public:
  /// Everything of ours in the kernel, before this run made anything: what is guarded on whatever
  /// port, and what Weave Net left. A policy whose tunnel has no guard, as Weave Net leaves
  /// it, gets one for `port`.
  [[nodiscard]] static Result<Leftovers> find(Xfrm& xfrm, Firewall& firewall, std::uint16_t port);

  [[nodiscard]] bool is_empty() const noexcept {
    return associations_.empty() && policies_.empty() && tunnels_.empty();
  }

  /// Gives away the associations of one direction: the caller removes them.
  [[nodiscard]] std::vector<Association> take(const Direction& direction);

  /// Removes the associations and the policy between the two addresses of `tunnel`, and its guard.
  /// Guards of other ports between them stay: flows of the earlier run may still send there. A
  /// policy that demands an association of this run by now is left alone.
  void remove(Xfrm& xfrm, Firewall& firewall, const Tunnel& tunnel);
  /// All but Weave Net's associations with peers that did not come back: without a new link to
  /// one they are not known to be Weave Net's.
  void remove_all(Xfrm& xfrm, Firewall& firewall);

 private:
  std::vector<Association> associations_;
  std::vector<Association> originals_;  // not by `remove_all`
  std::vector<Association> policies_;   // what each demands
  std::vector<Tunnel> tunnels_;         // guarded once for each
};

}  // namespace weft::ipsec
