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
  const auto inside = gateway_inside(bridge, subnet);
  return inside || bridge.addresses.empty() ? inside : bridge.addresses.front().address;
}

std::vector<net::Cidr> subnets_of(const PodRequest& request) {
  return request.subnet ? std::vector{*request.subnet} : std::vector<net::Cidr>{};
}

/// Under whom the address of an attachment may be filed besides its owner: under the container, as
/// Weave Net and weft 0.1 had it for every interface, or under itself, as IPAM found it in use and
/// did not know by whom.
std::vector<AddressOwner> other_owners(const PodRequest& request) {
  std::vector<AddressOwner> others{net::to_string(request.address->address)};
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
  const std::uint64_t attempt = loop_.random() | 1U;  // never 0, and not one of before a restart
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
                     add->network.address = allocated->front().address;
                     find_gateway(add);
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
                     finish(add);
                   } else {
                     expose(add);
                   }
                 }});
}

void PodNetworks::expose(std::shared_ptr<Add> add) {
  ipam_->allocate(bridge_owner, subnets_of(add->request),
                  {loop_, [this, add](Result<std::vector<AllocatedAddress>> allocated) {
                     if (!allocated) {
                       give_up(add, std::move(allocated).error());
                       return;
                     }
                     const net::Cidr& address = allocated->front().address;
                     add->network.gateway = address.address;
                     bridge_->expose(address, /*masquerade=*/true,
                                     {loop_, [this, add](Result<> exposed) {
                                        if (!exposed) {
                                          give_up(add, std::move(exposed).error());
                                          return;
                                        }
                                        finish(add);
                                      }});
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
  record_.settle(add.owner,
                 answer ? std::vector{answer->address->address} : std::vector<net::IpAddress>{});
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
  if (request.address) {
    for (const AddressOwner& other : other_owners(request)) {
      release_just(other, request.address->address);
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

void PodNetworks::release_just(const AddressOwner& owner, const net::IpAddress& address) {
  ipam_->lookup(
      owner, {loop_, [this, owner, address](const Result<std::vector<net::Cidr>>& held) {
                if (held && std::ranges::find(*held, address, &net::Cidr::address) != held->end()) {
                  give_back(owner, {address}, {loop_, [](const Result<>& /*freed*/) {}});
                }
              }});
}

void PodNetworks::check(PodRequest request, Reply<PodNetwork> reply) {
  ipam_->lookup(address_owner(request.attachment()),
                {loop_, [this, request,
                         reply = std::move(reply)](Result<std::vector<net::Cidr>> held) mutable {
                   if (held && held->empty() && request.address) {
                     check_others(other_owners(request), *request.address, std::move(reply));
                     return;
                   }
                   answer_held(std::move(held), std::move(reply));
                 }});
}

void PodNetworks::check_others(std::vector<AddressOwner> others, const net::Cidr& address,
                               Reply<PodNetwork> reply) {
  if (others.empty()) {
    answer_held(std::vector<net::Cidr>{}, std::move(reply));
    return;
  }
  const AddressOwner other = others.back();
  others.pop_back();
  ipam_->lookup(
      other, {loop_, [this, others = std::move(others), address,
                      reply = std::move(reply)](Result<std::vector<net::Cidr>> held) mutable {
                if (!held) {
                  answer_held(std::move(held), std::move(reply));
                  return;
                }
                std::erase_if(
                    *held, [&](const net::Cidr& each) { return each.address != address.address; });
                if (held->empty()) {
                  check_others(std::move(others), address, std::move(reply));
                } else {
                  answer_held(std::move(held), std::move(reply));
                }
              }});
}

void PodNetworks::answer_held(Result<std::vector<net::Cidr>> held, Reply<PodNetwork> reply) {
  if (!held) {
    reply(tl::unexpected(std::move(held).error()));
    return;
  }
  PodRequest found;
  if (!held->empty()) {
    found.address = held->front();
  }
  network(std::move(found), std::move(reply));
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
