#pragma once
/// The Linux bridge that pods attach to.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/net/mac.hpp>
#include <weft/reply.hpp>

namespace weft {

struct BridgeInfo {
  std::string name;  ///< "weave"
  net::Mac mac;      ///< the node's peer name
  std::uint32_t mtu = 0;
  std::vector<net::Cidr> addresses;  ///< of the bridge itself: the pods' gateway
};

/// A pod's interface, as the kernel knows it.
struct BridgePod {
  std::string port;    ///< the host's end
  std::string holder;  ///< under which IPAM files its addresses; empty: not known
  /// IPv4 addresses of the pod's end, and those that the guard lets it use, which have 32 as their
  /// prefix length. Empty: not to be seen from here.
  std::vector<net::Cidr> addresses;
};

/// Control: any plugin loop.
class Bridge {
 public:
  static constexpr std::string_view service = "weft.bridge/1";

  virtual void info(Reply<BridgeInfo> reply) = 0;
  /// Gives the bridge an address in the pods' network, announces it, and has it masqueraded when
  /// `masquerade`. Succeeds when it is already so. Errors: the kernel's.
  virtual void expose(net::Cidr address, bool masquerade, Reply<> reply) = 0;
  /// The reverse. Succeeds when there is nothing to remove.
  virtual void hide(net::Cidr address, Reply<> reply) = 0;

 protected:
  ~Bridge() = default;
};

/// What came later. Served beside Bridge, by the same plugin. Control: any plugin loop.
class BridgeV2 : public Bridge {
 public:
  static constexpr std::string_view service = "weft.bridge/2";

  /// As expose, masqueraded unless the address was last exposed without.
  virtual void restore(net::Cidr address, Reply<> reply) = 0;
  /// Every interface on the bridge that is a pod's by name or alias, or that has an address behind
  /// it, however long it has been there. Then those on no bridge at the moment that are a pod's by
  /// name or alias and have an address behind them. Errors: the kernel's.
  virtual void pods(Reply<std::vector<BridgePod>> reply) = 0;

 protected:
  ~BridgeV2() = default;
};

}  // namespace weft
