#pragma once
/// Stand-ins for providers that are not there for now: a reply that is dropped answers
/// Errc::abandoned, which weft-cni passes on as "try again later".

#include <vector>

#include <weft/service/bridge.hpp>
#include <weft/service/ipam.hpp>

namespace weft::cni {

class AbsentIpam final : public Ipam {
 public:
  void allocate(AddressOwner, std::vector<net::Cidr>,
                Reply<std::vector<AllocatedAddress>>) override {}
  void claim(AddressOwner, net::Cidr, Reply<>) override {}
  void release(AddressOwner, Reply<>) override {}
  void release_addresses(AddressOwner, std::vector<net::IpAddress>, Reply<>) override {}
  void lookup(AddressOwner, Reply<std::vector<net::Cidr>>) override {}
};

class AbsentBridge final : public Bridge {
 public:
  void info(Reply<BridgeInfo>) override {}
  void expose(net::Cidr, bool, Reply<>) override {}
  void hide(net::Cidr, Reply<>) override {}
};

}  // namespace weft::cni
