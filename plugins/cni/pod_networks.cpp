/// Allocates pod addresses and finds, or makes, their gateway.

#include "pod_networks.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

namespace weft::cni {
namespace {

/// Under which the bridge itself holds addresses. Source: weaveworks/weave plugin/net/cni.go.
constexpr auto bridge_owner = "weave:expose";

/// An `add` without an answer for so long waits for an address.
constexpr std::chrono::milliseconds usual_time{200};

std::optional<net::IpAddress> gateway_inside(const BridgeInfo& bridge, const net::Cidr& subnet) {
  for (const net::Cidr& candidate : bridge.addresses) {
    if (subnet.contains(candidate.address)) {
      return candidate.address;
    }
  }
  return std::nullopt;
}

std::optional<net::IpAddress> any_gateway(const BridgeInfo& bridge, const net::Cidr& subnet) {
  if (const auto inside = gateway_inside(bridge, subnet)) {
    return inside;
  }
  const auto same_family = [&](const net::Cidr& each) {
    return each.address.family == subnet.address.family;
  };
  const auto found = std::ranges::find_if(bridge.addresses, same_family);
  return found != bridge.addresses.end() ? std::optional(found->address) : std::nullopt;
}

PodAddress address_with(const net::Cidr& address, std::optional<net::IpAddress> gateway) {
  PodAddress with{address, gateway, {}};
  if (gateway) {
    with.routes.push_back(default_route(address.address.family));
  }
  return with;
}

std::vector<net::Cidr> subnets_of(const PodRequest& request) {
  return request.subnet ? std::vector{*request.subnet} : std::vector<net::Cidr>{};
}

/// The bridge's own address for a pod's: of `allocated`, the one of the same family.
std::optional<net::Cidr> gateway_of(const PodAddress& pod,
                                    const std::vector<AllocatedAddress>& allocated) {
  for (const AllocatedAddress& each : allocated) {
    if (each.address.address.family == pod.address.address.family) {
      return each.address;
    }
  }
  return std::nullopt;
}

bool is_among(const std::vector<net::Cidr>& addresses, const net::Cidr& wanted) {
  return std::ranges::find(addresses, wanted.address, &net::Cidr::address) != addresses.end();
}

/// Under whom the addresses of an attachment may be filed besides their owner: under the container,
/// as Weave Net and weft 0.1 had it for every interface, or under themselves, as IPAM found them in
/// use and did not know by whom.
std::vector<AddressOwner> other_owners(const PodRequest& request) {
  std::vector<AddressOwner> others;
  for (const net::Cidr& each : request.addresses) {
    others.push_back(net::to_string(each.address));
  }
  if (address_owner(request.attachment()) != request.container_id) {
    others.push_back(request.container_id);
  }
  return others;
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
  AddressOwner owner;
  Reply<PodNetwork> reply;
  PodNetwork network;
  Timer usual_time;
  bool is_waiting = false;  // longer than that
};

std::uint64_t PodNetworks::add(PodRequest request, Reply<PodNetwork> reply) {
  if (!refusal_.empty()) {
    reply(fail(Errc::conflict, "attach the pod: " + refusal_));
    return loop_.random() | 1U;  // there is nothing to undo
  }
  AddressOwner owner = address_owner(request.attachment());
  auto add =
      std::make_shared<Add>(Add{std::move(request), std::move(owner), std::move(reply), {}, {}});
  const std::uint64_t attempt =
      (loop_.random() >> 1U) | 1U;  // fits JSON, never 0, and not one of before a restart
  add->network.attempt = attempt;
  leases_[add->owner].attempts.insert(attempt);
  record_.begin(add->request.attachment(), add->request.has_port,
                {loop_, [this, add](const Result<>& kept) {
                   kept ? allocate(add) : give_up(add, kept.error());
                 }});
  return attempt;
}

/// Not when it was released or undone meanwhile.
bool PodNetworks::is_wanted(const Add& add) const {
  const auto lease = leases_.find(add.owner);
  return lease != leases_.end() && lease->second.attempts.contains(add.network.attempt);
}

void PodNetworks::allocate(std::shared_ptr<Add> add) {
  if (!is_wanted(*add)) {
    finish(add);
    return;
  }
  add->usual_time = loop_.after(usual_time, [this, waiting = std::weak_ptr(add)] {
    if (const auto alive = waiting.lock()) {
      alive->is_waiting = true;
      record_.wait();
    }
  });
  ipam_->allocate(add->owner, subnets_of(add->request),
                  {loop_, [this, add](Result<std::vector<AllocatedAddress>> allocated) {
                     if (!allocated) {
                       give_up(add, std::move(allocated).error());
                       return;
                     }
                     note_gained(add->owner, *allocated);
                     for (const AllocatedAddress& each : *allocated) {
                       add->network.addresses.push_back({each.address, {}, {}});
                     }
                     find_gateways(add);
                   }});
}

/// What an `add` gained that was undone meanwhile goes back, unless another one has it by now.
void PodNetworks::note_gained(const AddressOwner& owner,
                              const std::vector<AllocatedAddress>& allocated) {
  std::vector<net::IpAddress> gained;
  for (const AllocatedAddress& each : allocated) {
    if (!each.was_held) {
      gained.push_back(each.address.address);
    }
  }
  if (const auto lease = leases_.find(owner); lease != leases_.end()) {
    std::ranges::copy(gained, std::back_inserter(lease->second.gained));
  } else if (!gained.empty()) {
    give_back(owner, std::move(gained), {loop_, [](const Result<>& /*freed*/) {}});
  }
}

void PodNetworks::find_gateways(std::shared_ptr<Add> add) {
  bridge_->info({loop_, [this, add](Result<BridgeInfo> bridge) {
                   if (!bridge) {
                     give_up(add, std::move(bridge).error());
                     return;
                   }
                   add->network.bridge = bridge->name;
                   add->network.mtu = bridge->mtu;
                   add->network.guard = guards_;
                   bool is_complete = true;
                   for (PodAddress& each : add->network.addresses) {
                     each = address_with(each.address, gateway_inside(*bridge, each.address));
                     is_complete = is_complete && each.gateway;
                   }
                   is_complete ? finish(add) : allocate_gateways(add);
                 }});
}

void PodNetworks::allocate_gateways(std::shared_ptr<Add> add) {
  std::vector<net::Cidr> subnets;
  for (const PodAddress& each : add->network.addresses) {
    if (!each.gateway) {
      subnets.push_back(each.address.network());
    }
  }
  ipam_->allocate(bridge_owner, std::move(subnets),
                  {loop_, [this, add](Result<std::vector<AllocatedAddress>> allocated) {
                     if (!allocated) {
                       give_up(add, std::move(allocated).error());
                       return;
                     }
                     std::vector<net::Cidr> gateways;
                     for (PodAddress& each : add->network.addresses) {
                       const auto gateway = gateway_of(each, *allocated);
                       if (!each.gateway && gateway) {
                         each = address_with(each.address, gateway->address);
                         gateways.push_back(*gateway);
                       }
                     }
                     expose(add, std::move(gateways));
                   }});
}

void PodNetworks::expose(std::shared_ptr<Add> add, std::vector<net::Cidr> gateways) {
  if (gateways.empty()) {
    finish(add);
    return;
  }
  const net::Cidr gateway = gateways.back();
  gateways.pop_back();
  bridge_->expose(gateway, /*masquerade=*/true,
                  {loop_, [this, add, gateways = std::move(gateways)](Result<> exposed) mutable {
                     exposed ? expose(add, std::move(gateways))
                             : give_up(add, std::move(exposed).error());
                   }});
}

/// A release or undo that came meanwhile took the address, and perhaps somebody else has it by now.
void PodNetworks::finish(std::shared_ptr<Add> add) {
  if (!is_wanted(*add)) {
    end(*add, fail(Errc::cancelled, "attach " + add->owner + ": released meanwhile"));
    return;
  }
  end(*add, add->network);
}

void PodNetworks::end(Add& add, Result<PodNetwork> answer) {
  add.usual_time.cancel();
  if (std::exchange(add.is_waiting, false)) {
    record_.served();
  }
  std::vector<net::IpAddress> given;
  for (const PodAddress& each : answer ? answer->addresses : std::vector<PodAddress>{}) {
    given.push_back(each.address.address);
  }
  record_.settle(add.owner, std::move(given));
  add.reply(std::move(answer));
}

void PodNetworks::give_up(std::shared_ptr<Add> add, Error error) {
  forget(add->owner, add->network.attempt,
         {loop_, [this, add, error = std::move(error)](const Result<>& /*forgotten*/) {
            end(*add, tl::unexpected(error));
          }});
}

void PodNetworks::undo(PodRequest request, Reply<> reply) {
  forget(address_owner(request.attachment()), request.attempt, std::move(reply));
}

void PodNetworks::forget(const AddressOwner& owner, std::uint64_t attempt, Reply<> reply) {
  const auto found = leases_.find(owner);
  if (found == leases_.end() || found->second.attempts.erase(attempt) == 0 ||
      !found->second.attempts.empty()) {
    reply({});
    return;
  }
  std::vector<net::IpAddress> gained = std::move(found->second.gained);
  leases_.erase(found);
  give_back(owner, std::move(gained), std::move(reply));
}

/// Also ends what the owner waits for.
void PodNetworks::give_back(const AddressOwner& owner, std::vector<net::IpAddress> addresses,
                            Reply<> reply) {
  auto freed = [this, owner, addresses, reply = std::move(reply)](const Result<>& done) mutable {
    if (done) {
      record_.released(owner, addresses);
    }
    reply(done);
  };
  ipam_->release_addresses(owner, std::move(addresses), {loop_, std::move(freed)});
}

void PodNetworks::release(PodRequest request, Reply<> reply) {
  const AddressOwner owner = address_owner(request.attachment());
  attached_.detach(request.attachment());
  leases_.erase(owner);
  if (!request.addresses.empty()) {
    for (const AddressOwner& other : other_owners(request)) {
      release_just(other, request.addresses);
    }
  }
  ipam_->release(owner,
                 {loop_, [this, owner, reply = std::move(reply)](const Result<>& freed) mutable {
                    if (freed) {
                      record_.released(owner);
                    }
                    reply(freed);
                  }});
}

void PodNetworks::release_just(const AddressOwner& owner, const std::vector<net::Cidr>& addresses) {
  ipam_->lookup(owner, {loop_, [this, owner, addresses](Result<std::vector<net::Cidr>> held) {
                          std::vector<net::IpAddress> meant;
                          for (const net::Cidr& each : held.value_or(std::vector<net::Cidr>{})) {
                            if (is_among(addresses, each)) {
                              meant.push_back(each.address);
                            }
                          }
                          if (!meant.empty()) {
                            give_back(owner, std::move(meant),
                                      {loop_, [](const Result<>& /*freed*/) {}});
                          }
                        }});
}

void PodNetworks::check(PodRequest request, Reply<PodNetwork> reply) {
  const AddressOwner owner = address_owner(request.attachment());
  ipam_->lookup(owner, {loop_, [this, request = std::move(request), reply = std::move(reply)](
                                   Result<std::vector<net::Cidr>> held) mutable {
                          if (held && held->empty() && !request.addresses.empty()) {
                            auto others = other_owners(request);
                            check_others(std::move(others), std::move(request.addresses), {},
                                         std::move(reply));
                            return;
                          }
                          answer_held(std::move(held), std::move(reply));
                        }});
}

void PodNetworks::check_others(std::vector<AddressOwner> others, std::vector<net::Cidr> addresses,
                               std::vector<net::Cidr> found, Reply<PodNetwork> reply) {
  if (others.empty()) {
    answer_held(std::move(found), std::move(reply));
    return;
  }
  const AddressOwner other = others.back();
  others.pop_back();
  ipam_->lookup(
      other, {loop_, [this, others = std::move(others), addresses = std::move(addresses),
                      found = std::move(found),
                      reply = std::move(reply)](Result<std::vector<net::Cidr>> held) mutable {
                if (!held) {
                  answer_held(std::move(held), std::move(reply));
                  return;
                }
                std::ranges::copy_if(*held, std::back_inserter(found),
                                     [&](const auto& each) { return is_among(addresses, each); });
                check_others(std::move(others), std::move(addresses), std::move(found),
                             std::move(reply));
              }});
}

void PodNetworks::answer_held(Result<std::vector<net::Cidr>> held, Reply<PodNetwork> reply) {
  if (!held) {
    reply(tl::unexpected(std::move(held).error()));
    return;
  }
  PodRequest found;
  found.addresses = *std::move(held);
  network(std::move(found), std::move(reply));
}

void PodNetworks::network(PodRequest request, Reply<PodNetwork> reply) {
  bridge_->info({loop_, [this, addresses = std::move(request.addresses),
                         reply = std::move(reply)](const Result<BridgeInfo>& bridge) mutable {
                   if (!bridge) {
                     reply(tl::unexpected(bridge.error()));
                     return;
                   }
                   PodNetwork network{{}, bridge->mtu, bridge->name, guards_};
                   for (const net::Cidr& each : addresses) {
                     network.addresses.push_back(address_with(each, any_gateway(*bridge, each)));
                   }
                   reply(std::move(network));
                 }});
}

}  // namespace weft::cni
