#pragma once
/// What a pod needs from the node before anyone touches its namespace.

#include <memory>
#include <string>

#include <weft/reply.hpp>
#include <weft/service/bridge.hpp>
#include <weft/service/ipam.hpp>

#include "absent.hpp"
#include "exchange.hpp"

namespace weft::cni {

/// Answers the requests of weft-cni from the node's IPAM and bridge. On the plugin's loop.
/// Outlives the requests it was given: the loop is drained before it is destroyed.
class PodNetworks {
 public:
  explicit PodNetworks(Loop& loop) : loop_(loop) {}

  /// Null: there is none for now, and requests answer Errc::abandoned, "try again".
  void use(Ipam* ipam) noexcept;
  void use(Bridge* bridge) noexcept;
  /// Whether the node guards pods' ports, as every answer says.
  void set_guards(bool guards) noexcept { guards_ = guards; }

  /// Gives the container an address, or finds the one it has, and the gateway: the bridge's address
  /// in the same subnet, which the bridge is given if it has none. After an error the container
  /// holds no more than before. Errors: those of Ipam::allocate and Bridge::expose.
  void add(PodRequest request, Reply<PodNetwork> reply);
  /// Succeeds when the container holds nothing.
  void release(PodRequest request, Reply<> reply);
  /// What the container should have; without address when it holds none.
  void check(PodRequest request, Reply<PodNetwork> reply);
  /// The network of an address that another IPAM plugin gave. Without gateway when the bridge has
  /// no address at all.
  void network(PodRequest request, Reply<PodNetwork> reply);

 private:
  struct Add;

  void allocate(std::shared_ptr<Add> add);
  void find_gateway(std::shared_ptr<Add> add);
  void expose(std::shared_ptr<Add> add);
  void give_up(std::shared_ptr<Add> add, Error error);

  Loop& loop_;
  AbsentIpam no_ipam_;
  AbsentBridge no_bridge_;
  Ipam* ipam_ = &no_ipam_;
  Bridge* bridge_ = &no_bridge_;
  bool guards_ = false;
};

}  // namespace weft::cni
