#pragma once
/// Addresses of interfaces over rtnetlink (a NETLINK_ROUTE socket).

#include <vector>

#include <weft/net/ip.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

namespace weft::nl {

/// Succeeds when the link has it already. The address's host bits are the interface's address.
[[nodiscard]] Result<> add_address(Socket& socket, int link, const net::Cidr& address);
/// Succeeds when the link does not have it.
[[nodiscard]] Result<> delete_address(Socket& socket, int link, const net::Cidr& address);
/// Of both families, link-local ones included.
[[nodiscard]] Result<std::vector<net::Cidr>> list_addresses(Socket& socket, int link);

}  // namespace weft::nl
