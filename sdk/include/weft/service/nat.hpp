#pragma once
/// Address translation for traffic between pods and the world.

#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/reply.hpp>

namespace weft {

/// Control: any plugin loop. Source: weaveworks/weave net/expose.go, net/iptables.go.
class Nat {
 public:
  static constexpr std::string_view service = "weft.nat/1";

  /// Masquerades traffic between `network` and everything outside it, multicast excepted; traffic
  /// to local pods keeps its source. In force when the reply comes. Idempotent.
  /// Errors: the kernel's, such as EPERM without CAP_NET_ADMIN.
  virtual void masquerade(net::Cidr network, Reply<> reply) = 0;
  virtual void stop_masquerade(net::Cidr network, Reply<> reply) = 0;

 protected:
  ~Nat() = default;
};

}  // namespace weft
