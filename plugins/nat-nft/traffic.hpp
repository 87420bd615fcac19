#pragma once
/// The traffic of pods that this node forwards or has itself, as kinds of packets.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>

#include "common/firewall/judge.hpp"

namespace weft::nat {

enum class Traffic : std::uint8_t {
  pods_to_pods,     ///< over the bridge; iptables may see it (bridge-nf-call-iptables)
  pods_to_outside,  ///< a connection that a pod opens
  answers_to_pods,  ///< what comes back
  outside_to_pods,  ///< a connection from outside to an exposed network
  pods_to_node,     ///< a connection that a pod opens to this node
  node_to_pods,     ///< a connection that this node opens to a pod, such as a probe
  answers_to_node,  ///< what comes back to it
  answers_of_node   ///< what goes back to pods
};

inline constexpr std::array<Traffic, 8> all_traffic{
    Traffic::pods_to_pods,    Traffic::pods_to_outside, Traffic::answers_to_pods,
    Traffic::outside_to_pods, Traffic::pods_to_node,    Traffic::node_to_pods,
    Traffic::answers_to_node, Traffic::answers_of_node};

/// What meets the forward hook.
inline constexpr std::array<Traffic, 4> forwarded_traffic{
    Traffic::pods_to_pods, Traffic::pods_to_outside, Traffic::answers_to_pods,
    Traffic::outside_to_pods};

/// A label of metrics: "pods-to-outside".
[[nodiscard]] std::string_view label_of(Traffic traffic) noexcept;
/// For people: "what pods send to the outside".
[[nodiscard]] std::string_view phrase_of(Traffic traffic) noexcept;

/// Where pods are and what is around them.
struct Scene {
  std::string bridge;
  std::vector<net::Cidr> networks;    ///< exposed ones
  std::optional<std::string> uplink;  ///< the interface of the default route
  bool iptables_see_bridged = false;  ///< bridge-nf-call-iptables
};

[[nodiscard]] firewall::Pods pods_of(const Scene& scene);

/// Of the pods with these addresses, which are part of one of the networks. `protocol`:
/// IPPROTO_TCP, ...
[[nodiscard]] firewall::Kind kind_of(Traffic traffic, std::uint8_t protocol,
                                     const firewall::Interval& addresses, const Scene& scene);
/// TCP, UDP and ICMP.
inline constexpr std::array<std::uint8_t, 3> tested_protocols{6, 17, 1};

}  // namespace weft::nat
