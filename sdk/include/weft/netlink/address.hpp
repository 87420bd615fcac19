#pragma once
/// Addresses of interfaces over rtnetlink (a NETLINK_ROUTE socket).

#include <optional>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

namespace weft::nl {

/// An address of an interface.
struct LinkAddress {
  int link = 0;  ///< the interface's index
  net::Cidr address;
};

/// Reads an RTM_NEWADDR or RTM_DELADDR message; empty for any other.
[[nodiscard]] std::optional<LinkAddress> parse_address(const nlmsghdr& message);

/// Succeeds when the link has it already. The address's host bits are the interface's address. An
/// IPv6 address is usable at once: nobody is asked whether it is a duplicate.
[[nodiscard]] Result<> add_address(Socket& socket, int link, const net::Cidr& address);
/// Succeeds when the link does not have it.
[[nodiscard]] Result<> delete_address(Socket& socket, int link, const net::Cidr& address);
/// Of both families, link-local ones included.
[[nodiscard]] Result<std::vector<net::Cidr>> list_addresses(Socket& socket, int link);

}  // namespace weft::nl
