#pragma once
/// The rules that keep a pod from speaking with addresses that are not its own, as values.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/net/mac.hpp>
#include <weft/nft/table.hpp>

#include "common/attachment/guard_names.hpp"

namespace weft::cni {

/// A pod's port on the bridge, and what the pod may send as its own.
struct GuardedPod {
  std::string port;  ///< the host's end of the pod's veth pair
  net::Mac mac;
  std::vector<net::IpAddress> addresses;  ///< without the link-local one, which follows from `mac`
  bool operator==(const GuardedPod&) const = default;
};

/// Why a pod's frame is dropped: the label of the metric, and the comment of the rules that count.
struct GuardReason {
  std::string_view label;
  std::string_view comment;
};
inline constexpr GuardReason guard_reasons[] = {
    {"mac", "not the pod's MAC"},
    {"vlan", "more than one VLAN tag"},
    {"arp", "ARP with addresses that are not the pod's"},
    {"ipv4", "not the pod's IPv4 address"},
    {"ipv6", "somebody else's IPv6 address"},
    {"nd", "neighbour discovery for somebody else"},
};

/// A frame that comes by a port of `pods` passes when what it says of its sender is the pod's: the
/// Ethernet and ARP addresses, the IPv4 source or 0.0.0.0, an IPv6 link-local source or neighbour
/// target by the MAC, and no other IPv6 source or neighbour target that belongs to another of
/// `pods` or to the bridge, whose IPv6 addresses are `bridge_addresses`. Router advertisements and
/// redirects never pass. Each frame costs a constant number of hash look-ups.
[[nodiscard]] nft::Table guard_table(std::span<const GuardedPod> pods,
                                     std::span<const net::IpAddress> bridge_addresses);

/// By which ports something was dropped in the last minute.
inline constexpr std::string_view guard_offenders_set = "offenders";
[[nodiscard]] std::vector<std::string> offenders_from(std::span<const nft::Element> elements);

/// The pods from what the kernel has in guard_macs_set, guard_ipv4_set and guard_ipv6_set, sorted
/// by port.
[[nodiscard]] std::vector<GuardedPod> pods_from(std::span<const nft::Element> macs,
                                                std::span<const nft::Element> ipv4,
                                                std::span<const nft::Element> ipv6);

/// fe80::/64 with the interface identifier that Ethernet gives. Source: RFC 4291 appendix A.
[[nodiscard]] net::IpAddress link_local_of(const net::Mac& mac);

}  // namespace weft::cni
