/// Decides where frames go, from names and MAC knowledge alone.

#include "fabric/flow_plan.hpp"

namespace weft::dataplane {
namespace {

/// Source: IEEE 802.1D table 7-10, Bridge Group Address.
constexpr std::uint64_t spanning_tree_mac = 0x0180C2000000;

}  // namespace

FlowPlan plan_captured(PeerName self, net::Mac destination,
                       std::optional<PeerName> owner) noexcept {
  FlowPlan plan{.learns_source = true, .origin = self};
  if (destination.value() == spanning_tree_mac) {
    plan.drop = Drop::link_control;
  } else if (!owner || destination.is_group()) {
    plan.spread = FlowPlan::Spread::broadcast;
  } else if (*owner == self) {
    plan.drop = Drop::local;
  } else {
    plan.spread = FlowPlan::Spread::unicast;
    plan.destination = *owner;
  }
  return plan;
}

FlowPlan plan_received(PeerName self, PeerName origin, PeerName destination,
                       std::optional<PeerName> owner) noexcept {
  using Spread = FlowPlan::Spread;
  if (origin == self) {
    return {.drop = Drop::looped, .origin = origin};
  }
  if (destination != self) {
    return {.spread = Spread::unicast, .origin = origin, .destination = destination};
  }
  const bool ends_here = owner && *owner == self;
  return {.learns_source = true,
          .is_delivered = true,
          .spread = ends_here ? Spread::nowhere : Spread::broadcast,
          .origin = origin};
}

}  // namespace weft::dataplane
