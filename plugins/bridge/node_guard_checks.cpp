/// Judges whether the guard of nodes' ports is in force, and looks for what undoes it.

#include <linux/netlink.h>
#include <netinet/in.h>

#include <algorithm>

#include <fmt/format.h>

#include <weft/netlink/link.hpp>
#include <weft/nft/reader.hpp>

#include "node_guard.hpp"

namespace weft::bridge {
namespace {

using doctor::Check;
using doctor::State;

constexpr auto check_name = "node-guard";

/// Packets that come in by a bridge in a VRF are seen as coming in by the VRF.
/// Source: Linux drivers/net/vrf.c, vrf_ip_rcv.
Result<> look_for_vrf(const std::string& bridge, std::vector<Check>& checks) {
  auto socket = nl::Socket::open(NETLINK_ROUTE);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  std::optional<nl::Link> link;
  WEFT_TRY(link, nl::find_link(*socket, bridge));
  if (!link || link->master == 0) {
    return {};
  }
  std::optional<nl::Link> master;
  WEFT_TRY(master, nl::find_link(*socket, link->master));
  checks.push_back(
      {check_name, State::wrong,
       fmt::format("bridge '{}' is part of '{}': its packets are not seen as the bridge's", bridge,
                   master ? master->name : std::to_string(link->master)),
       fmt::format("ip link set {} nomaster", bridge)});
  return {};
}

/// A connection that was let through before the guard was there stays in the flowtable.
Result<> look_for_flowtables(nl::Socket& socket, const std::string& bridge,
                             std::vector<Check>& checks) {
  std::vector<nft::ReadFlowtable> flowtables;
  WEFT_TRY(flowtables, nft::read_flowtables(socket));
  for (const nft::ReadFlowtable& flowtable : flowtables) {
    if (std::ranges::find(flowtable.devices, bridge) != flowtable.devices.end()) {
      checks.push_back(
          {check_name, State::wrong,
           fmt::format("flowtable '{}' of nftables table '{}' lets connections of '{}' "
                       "past the forward hook that it knew before the guard",
                       flowtable.name, flowtable.table, bridge),
           "take the bridge out of the flowtable's devices"});
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Check>> NodeGuard::checks() {
  std::vector<Check> checks;
  std::vector<std::string> differences;
  WEFT_TRY(differences, table_->differences());
  for (std::string& difference : differences) {
    checks.push_back({check_name, State::wrong, std::move(difference),
                      "find what changes it ('nft monitor'); weftd puts it back within seconds"});
  }
  WEFT_TRY(look_for_vrf(bridge_, checks));
  WEFT_TRY(look_for_flowtables(table_->socket(), bridge_, checks));
  if (own_ports_.empty()) {
    checks.push_back({check_name, State::note, "no plugin has said at which port nodes reach it",
                      "none where no plugin listens for other nodes"});
  }
  if (checks.empty()) {
    std::vector<std::string> list;
    for (const auto& [protocol, port] : ports()) {
      list.push_back(fmt::format("{} {}", protocol == IPPROTO_TCP ? "TCP" : "UDP", port));
    }
    checks.push_back(
        {check_name, State::ok,
         fmt::format("pods cannot reach {} of this node and of others", fmt::join(list, ", "))});
  }
  if (table_->repairs() != 0) {
    checks.push_back({check_name, State::note,
                      fmt::format("other programs changed its table {} times; each was undone",
                                  table_->repairs()),
                      "find which ('nft monitor')"});
  }
  return checks;
}

}  // namespace weft::bridge
