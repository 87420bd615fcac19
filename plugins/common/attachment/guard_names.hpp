#pragma once
/// The names of the guards' tables, chains and sets in the kernel, which outlive the process that
/// wrote them.

#include <string_view>

#include <weft/nft/table.hpp>

namespace weft::cni {

/// The guard of nodes' ports, and its chain that drops what pods send to other nodes.
inline constexpr nft::TableName node_guard_table_name{"weft-nodes", nft::Family::inet};
inline constexpr std::string_view node_guard_forward_chain = "to_other_nodes";

/// The guard of pods' addresses.
inline constexpr nft::Family guard_family = nft::Family::bridge;
inline constexpr std::string_view guard_table_name = "weft-pods";

/// The sets of the table that say what pods there are: ports; then `iifname . ether_addr`,
/// `iifname . ipv4_addr` and `iifname . ipv6_addr`.
inline constexpr std::string_view guard_ports_set = "ports";
inline constexpr std::string_view guard_macs_set = "macs";
inline constexpr std::string_view guard_ipv4_set = "ipv4";
inline constexpr std::string_view guard_ipv6_set = "ipv6";

}  // namespace weft::cni
