#pragma once
/// What this node reaches without the bridge, and whether pods' addresses would collide with it.

#include <set>
#include <string>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

namespace weft::bridge {

/// Everything that a route to the pods' network could take away from the host. One family each.
struct HostNetworks {
  struct Network {
    net::Cidr destination;  ///< of a route that does not lead to the bridge
    std::string name;       ///< "a network of eth0"
    auto operator<=>(const Network&) const = default;
  };
  struct Machine {
    net::IpAddress address;
    std::string name;  ///< "a resolver"
    auto operator<=>(const Machine&) const = default;
  };
  std::set<Network> networks;  ///< without default routes
  std::set<Machine> machines;
  std::set<Network> links = {};  ///< that this node has an address in
};

/// Routes of the main table and of those that rules name, gateways of the former, the addresses of
/// all interfaces but `bridge`, and the resolvers of the files `resolvers`; a missing file has
/// none. Errors: the kernel's.
[[nodiscard]] Result<HostNetworks> read_host_networks(nl::Socket& socket, int bridge,
                                                      net::Family family,
                                                      const std::vector<std::string>& resolvers);

/// The servers that a file like /etc/resolv.conf names. Passes over what it cannot read.
[[nodiscard]] std::vector<net::IpAddress> parse_resolvers(std::string_view text);

/// What of the host lies in `pods`, one phrase each: "10.33.5.1, a resolver". A larger network that
/// is routed is none of them, as the host keeps the rest of it; one that the host has an address in
/// is, as its machines can be anywhere in it.
[[nodiscard]] std::vector<std::string> find_collisions(const HostNetworks& host,
                                                       const net::Cidr& pods);

/// At most three private IPv4 networks as large as `pods`, after it if possible, that overlap with
/// nothing of the host. Empty when there is none.
[[nodiscard]] std::vector<net::Cidr> free_networks(const HostNetworks& host, const net::Cidr& pods);

}  // namespace weft::bridge
