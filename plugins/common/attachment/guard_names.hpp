#pragma once
/// Where the kernel keeps which addresses the guarded pods have: the names of the guard's table and
/// sets, which outlive the process that wrote them.

#include <string_view>

#include <weft/nft/table.hpp>

namespace weft::cni {

inline constexpr nft::Family guard_family = nft::Family::bridge;
inline constexpr std::string_view guard_table_name = "weft-pods";

/// The sets of the table that say what pods there are: ports; then `iifname . ether_addr`,
/// `iifname . ipv4_addr` and `iifname . ipv6_addr`.
inline constexpr std::string_view guard_ports_set = "ports";
inline constexpr std::string_view guard_macs_set = "macs";
inline constexpr std::string_view guard_ipv4_set = "ipv4";
inline constexpr std::string_view guard_ipv6_set = "ipv6";

}  // namespace weft::cni
