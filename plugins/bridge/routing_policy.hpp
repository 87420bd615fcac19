#pragma once
/// The kernel's routing rules and the tables that they look up, and whether they lead to pods.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

namespace weft::bridge {

struct Rule {
  std::uint32_t priority = 0;
  std::uint8_t action = 0;  ///< FR_ACT_*
  std::uint32_t table = 0;
  net::Cidr to = {};        ///< prefix length 0: everywhere
  bool is_partial = false;  ///< only some of the packets to `to`: a mark, an interface, a source
  /// Routes whose prefix is at most as long do not count; -1: all count.
  int suppressed = -1;
};

struct TableRoute {
  std::uint32_t table = 0;
  std::uint8_t type = 0;  ///< RTN_*
  int link = 0;           ///< 0: none, or several
  net::Cidr destination = {};
};

/// In the order in which the kernel asks them. Errors: the kernel's.
[[nodiscard]] Result<std::vector<Rule>> list_rules(nl::Socket& socket, net::Family family);

/// Calls `visit` with each route of all tables. Errors: the kernel's.
[[nodiscard]] Result<> each_route(nl::Socket& socket, net::Family family,
                                  const std::function<void(const TableRoute&)>& visit);

/// How rules take packets to pods before the main table is asked, which leads to the bridge.
struct CutOff {
  std::vector<std::string> rules;  ///< "rule 5270 looks up table 52, which routes default"
  std::uint32_t priority = 0;      ///< of the first rule
};

/// Nothing when all that this node sends to `pods` gets to the main table, or by another one to
/// `bridge`. Rules that take only some packets are passed over, as are routes to a part of what a
/// rule takes: find_collisions has those. Errors: the kernel's.
[[nodiscard]] Result<std::optional<CutOff>> find_cut_off(nl::Socket& socket, int bridge,
                                                         const net::Cidr& pods);

}  // namespace weft::bridge
