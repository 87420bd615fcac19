#pragma once
/// What a pod needs from the node before anyone touches its namespace.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <weft/reply.hpp>
#include <weft/service/bridge.hpp>
#include <weft/service/ipam.hpp>

#include "absent.hpp"
#include "attached_pods.hpp"
#include "common/attachment/exchange.hpp"
#include "pod_leases.hpp"

namespace weft::cni {

/// Answers the requests of weft-cni from the node's IPAM and bridge. On the plugin's loop.
/// Outlives the requests it was given: the loop is drained before it is destroyed.
class PodNetworks {
 public:
  /// `record` learns what is given and given back, `attached` what is released; both outlive this
  /// object.
  PodNetworks(Loop& loop, PodLeases& record, AttachedPods& attached)
      : loop_(loop), record_(record), attached_(attached) {}

  /// Null: there is none for now, and requests answer Errc::abandoned, "try again".
  void use(Ipam* ipam) noexcept;
  void use(Bridge* bridge) noexcept;
  /// Whether the node guards pods' ports, as every answer says.
  void set_guards(bool guards) noexcept { guards_ = guards; }

  /// Why no pod gets a network now; empty: pods get one.
  void refuse_pods(std::string reason) { refusal_ = std::move(reason); }

  /// Gives the attachment its addresses, or finds those it has, and for each the gateway: the
  /// bridge's address in the same subnet, which the bridge is given if it has none. After an error
  /// the attachment holds no more than before. Errors: those of Ipam::allocate and Bridge::expose;
  /// Errc::cancelled when it was released meanwhile; Errc::conflict while pods are refused. Returns
  /// the attempt, by which `undo` ends it.
  std::uint64_t add(PodRequest request, Reply<PodNetwork> reply);
  /// Ends the `add` with the request's `attempt` if it still waits, and gives back what it was
  /// given: nothing that the attachment had before, and nothing that another `add` was given too.
  /// Succeeds when there is nothing.
  void undo(PodRequest request, Reply<> reply);
  /// The pod is detached: frees what it holds. Succeeds when it holds nothing.
  void release(PodRequest request, Reply<> reply);
  /// What the attachment should have; without addresses when it holds none.
  void check(PodRequest request, Reply<PodNetwork> reply);
  /// The network of addresses that another IPAM plugin gave; without gateway for a family of which
  /// the bridge has no address.
  void network(PodRequest request, Reply<PodNetwork> reply);

 private:
  struct Add;
  /// What is known of an attachment since its first `add` after the start.
  struct Lease {
    std::set<std::uint64_t> attempts;    ///< that were not undone
    std::vector<net::IpAddress> gained;  ///< by them: the attachment did not hold it before
  };

  [[nodiscard]] bool is_wanted(const Add& add) const;
  void allocate(std::shared_ptr<Add> add);
  void find_gateways(std::shared_ptr<Add> add);
  void allocate_gateways(std::shared_ptr<Add> add);
  void expose(std::shared_ptr<Add> add, std::vector<net::Cidr> gateways);
  void finish(std::shared_ptr<Add> add);
  void give_up(std::shared_ptr<Add> add, Error error);
  void end(Add& add, Result<PodNetwork> answer);
  void note_gained(const AddressOwner& owner, const std::vector<AllocatedAddress>& allocated);
  void give_back(const AddressOwner& owner, std::vector<net::IpAddress> addresses, Reply<> reply);
  void forget(const AddressOwner& owner, std::uint64_t attempt, Reply<> reply);
  void release_just(const AddressOwner& owner, const std::vector<net::Cidr>& addresses);
  void check_others(std::vector<AddressOwner> others, std::vector<net::Cidr> addresses,
                    std::vector<net::Cidr> found, Reply<PodNetwork> reply);
  void answer_held(Result<std::vector<net::Cidr>> held, Reply<PodNetwork> reply);

  Loop& loop_;
  PodLeases& record_;
  AttachedPods& attached_;
  AbsentIpam no_ipam_;
  AbsentBridge no_bridge_;
  Ipam* ipam_ = &no_ipam_;
  Bridge* bridge_ = &no_bridge_;
  bool guards_ = false;
  std::string refusal_;
  std::map<AddressOwner, Lease> leases_;
};

}  // namespace weft::cni
