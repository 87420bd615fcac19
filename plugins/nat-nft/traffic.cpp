/// Describes traffic to the judge of packet filters.

#include "traffic.hpp"

#include <linux/netfilter/nf_conntrack_common.h>

namespace weft::nat {
namespace {

using firewall::Interval;

std::vector<Interval> all_but(const std::vector<Interval>& intervals) {
  std::vector<Interval> rest;
  std::uint64_t next = 0;
  for (const Interval& interval : intervals) {
    if (interval.first > next) {
      rest.push_back({static_cast<std::uint32_t>(next), interval.first - 1});
    }
    next = std::uint64_t{interval.last} + 1;
  }
  if (next <= UINT32_MAX) {
    rest.push_back({static_cast<std::uint32_t>(next), UINT32_MAX});
  }
  return rest;
}

}  // namespace

std::string_view label_of(Traffic traffic) noexcept {
  switch (traffic) {
    case Traffic::pods_to_pods:
      return "pods-to-pods";
    case Traffic::pods_to_outside:
      return "pods-to-outside";
    case Traffic::answers_to_pods:
      return "answers-to-pods";
    case Traffic::outside_to_pods:
      return "outside-to-pods";
    case Traffic::pods_to_node:
      return "pods-to-node";
    case Traffic::node_to_pods:
      return "node-to-pods";
    case Traffic::answers_to_node:
      return "answers-to-node";
    case Traffic::answers_of_node:
      break;
  }
  return "answers-of-node";
}

std::string_view phrase_of(Traffic traffic) noexcept {
  switch (traffic) {
    case Traffic::pods_to_pods:
      return "what pods send to each other";
    case Traffic::pods_to_outside:
      return "what pods send to the outside";
    case Traffic::answers_to_pods:
      return "the answers";
    case Traffic::outside_to_pods:
      return "what the outside sends to pods";
    case Traffic::pods_to_node:
      return "what pods send to this node";
    case Traffic::node_to_pods:
      return "what this node sends to pods";
    case Traffic::answers_to_node:
      return "pods' answers to this node";
    case Traffic::answers_of_node:
      break;
  }
  return "this node's answers to pods";
}

firewall::Pods pods_of(const Scene& scene) {
  return {scene.bridge, nft::merge(scene.networks)};
}

firewall::Kind kind_of(Traffic traffic, std::uint8_t protocol, const Interval& addresses,
                       const Scene& scene) {
  const std::vector pods{addresses};
  const auto outside = all_but(nft::merge(scene.networks));
  constexpr std::uint32_t is_new = NF_CT_STATE_BIT(IP_CT_NEW);
  constexpr std::uint32_t is_answer = NF_CT_STATE_BIT(IP_CT_ESTABLISHED);
  switch (traffic) {
    case Traffic::pods_to_pods:
      return {scene.bridge, scene.bridge, pods, pods, protocol, is_new};
    case Traffic::pods_to_outside:
      return {scene.bridge, scene.uplink, pods, outside, protocol, is_new};
    case Traffic::answers_to_pods:
      return {scene.uplink, scene.bridge, outside, pods, protocol, is_answer};
    case Traffic::outside_to_pods:
      return {scene.uplink, scene.bridge, outside, pods, protocol, is_new};
    case Traffic::pods_to_node:
      return {scene.bridge, std::nullopt, pods, {}, protocol, is_new};
    case Traffic::node_to_pods:
      return {std::nullopt, scene.bridge, {}, pods, protocol, is_new};
    case Traffic::answers_to_node:
      return {scene.bridge, std::nullopt, pods, {}, protocol, is_answer};
    case Traffic::answers_of_node:
      break;
  }
  return {std::nullopt, scene.bridge, {}, pods, protocol, is_answer};
}

}  // namespace weft::nat
