#pragma once
/// The tables of nftables, those of iptables-nft among them, as far as pods' packets meet them.

#include <vector>

#include <weft/netlink/socket.hpp>
#include <weft/nft/table.hpp>
#include <weft/result.hpp>

#include "rules.hpp"

namespace weft::firewall {

/// Every table of family ip, inet, bridge or arp with a base chain, but `skipped` ones; not the
/// chains of NAT, which see a connection's first packet only, and those of a device. `netfilter`:
/// NETLINK_NETFILTER; `route`: NETLINK_ROUTE, for the names of interfaces. Reads all rules that
/// such chains can reach: for a thread that may block. Errors: the kernel's.
[[nodiscard]] Result<std::vector<Table>> read_nft_tables(
    nl::Socket& netfilter, nl::Socket& route, const std::vector<nft::TableName>& skipped);

/// One table of them; without base chains when there is none.
[[nodiscard]] Result<Table> read_nft_table(nl::Socket& netfilter, nl::Socket& route,
                                           const nft::TableName& name);

}  // namespace weft::firewall
