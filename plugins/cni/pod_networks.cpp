/// Allocates pod addresses and finds, or makes, their gateway.

#include "pod_networks.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace weft::cni {
namespace {

/// Under which the bridge itself holds addresses. Source: weaveworks/weave plugin/net/cni.go.
constexpr auto bridge_owner = "weave:expose";

std::optional<net::IpAddress> gateway_inside(const BridgeInfo& bridge, const net::Cidr& subnet) {
  for (const net::Cidr& candidate : bridge.addresses) {
    if (subnet.contains(candidate.address)) {
      return candidate.address;
    }
  }
  return std::nullopt;
}

std::optional<net::IpAddress> any_gateway(const BridgeInfo& bridge, const net::Cidr& subnet) {
  const auto inside = gateway_inside(bridge, subnet);
  return inside || bridge.addresses.empty() ? inside : bridge.addresses.front().address;
}

}  // namespace

void PodNetworks::use(Ipam* ipam) noexcept {
  ipam_ = ipam != nullptr ? ipam : &no_ipam_;
}

void PodNetworks::use(Bridge* bridge) noexcept {
  bridge_ = bridge != nullptr ? bridge : &no_bridge_;
}

/// One cni.add under way.
struct PodNetworks::Add {
  PodRequest request;
  Reply<PodNetwork> reply;
  bool held_address_before = false;
  PodNetwork network;
};

void PodNetworks::add(PodRequest request, Reply<PodNetwork> reply) {
  auto add = std::make_shared<Add>(Add{std::move(request), std::move(reply), false, {}});
  const std::string& container = add->request.container_id;
  ipam_->lookup(container, {loop_, [this, add](Result<std::vector<net::Cidr>> held) {
                              if (!held) {
                                add->reply(tl::unexpected(std::move(held).error()));
                                return;
                              }
                              add->held_address_before = !held->empty();
                              allocate(add);
                            }});
}

void PodNetworks::allocate(std::shared_ptr<Add> add) {
  ipam_->allocate(add->request.container_id, add->request.subnet,
                  {loop_, [this, add](Result<net::Cidr> address) {
                     if (!address) {
                       add->reply(tl::unexpected(std::move(address).error()));
                       return;
                     }
                     add->network.address = *address;
                     find_gateway(add);
                   }});
}

void PodNetworks::find_gateway(std::shared_ptr<Add> add) {
  bridge_->info({loop_, [this, add](Result<BridgeInfo> bridge) {
                   if (!bridge) {
                     give_up(add, std::move(bridge).error());
                     return;
                   }
                   add->network.bridge = bridge->name;
                   add->network.mtu = bridge->mtu;
                   add->network.guard = guards_;
                   add->network.gateway = gateway_inside(*bridge, *add->network.address);
                   if (add->network.gateway) {
                     add->reply(add->network);
                   } else {
                     expose(add);
                   }
                 }});
}

void PodNetworks::expose(std::shared_ptr<Add> add) {
  ipam_->allocate(bridge_owner, add->request.subnet,
                  {loop_, [this, add](Result<net::Cidr> address) {
                     if (!address) {
                       give_up(add, std::move(address).error());
                       return;
                     }
                     add->network.gateway = address->address;
                     bridge_->expose(*address, /*masquerade=*/true,
                                     {loop_, [this, add](Result<> exposed) {
                                        if (!exposed) {
                                          give_up(add, std::move(exposed).error());
                                          return;
                                        }
                                        add->reply(add->network);
                                      }});
                   }});
}

void PodNetworks::give_up(std::shared_ptr<Add> add, Error error) {
  if (add->held_address_before) {
    add->reply(tl::unexpected(std::move(error)));
    return;
  }
  ipam_->release(add->request.container_id,
                 {loop_, [add, error = std::move(error)](const Result<>& /*released*/) {
                    add->reply(tl::unexpected(error));
                  }});
}

void PodNetworks::release(PodRequest request, Reply<> reply) {
  ipam_->release(std::move(request.container_id), std::move(reply));
}

void PodNetworks::check(PodRequest request, Reply<PodNetwork> reply) {
  ipam_->lookup(
      std::move(request.container_id),
      {loop_, [this, reply = std::move(reply)](Result<std::vector<net::Cidr>> held) mutable {
         if (!held) {
           reply(tl::unexpected(std::move(held).error()));
           return;
         }
         PodRequest found;
         if (!held->empty()) {
           found.address = held->front();
         }
         network(std::move(found), std::move(reply));
       }});
}

void PodNetworks::network(PodRequest request, Reply<PodNetwork> reply) {
  bridge_->info({loop_, [this, address = request.address,
                         reply = std::move(reply)](const Result<BridgeInfo>& bridge) mutable {
                   if (!bridge) {
                     reply(tl::unexpected(bridge.error()));
                     return;
                   }
                   const auto gateway = address ? any_gateway(*bridge, *address) : std::nullopt;
                   reply(PodNetwork{address, gateway, bridge->mtu, bridge->name, guards_});
                 }});
}

}  // namespace weft::cni
