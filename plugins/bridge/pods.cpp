/// Reads ports, what is behind them, and the guard's sets.

#include "pods.hpp"

#include <linux/netlink.h>
#include <net/if.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <utility>

#include <weft/netlink/link.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/nft/reader.hpp>

#include "common/attachment/attachment.hpp"
#include "common/attachment/guard_names.hpp"
#include "common/attachment/port.hpp"

namespace weft::bridge {
namespace {

using GuardedAddresses = std::map<std::string, std::vector<net::Cidr>>;  // by port

/// Nothing when the kernel has no nftables: then nothing is guarded.
GuardedAddresses read_guard() {
  GuardedAddresses guarded;
  auto socket = nl::Socket::open(NETLINK_NETFILTER);
  if (!socket) {
    return guarded;
  }
  const auto elements =
      nft::read_elements(*socket, {cni::guard_table_name, cni::guard_family}, cni::guard_ipv4_set);
  if (!elements || !*elements) {
    return guarded;
  }
  for (const auto& [element, last, decision] : **elements) {
    net::Cidr address{{}, 32};
    if (element.size() != IFNAMSIZ + sizeof(std::uint32_t)) {
      continue;
    }
    const std::string port(reinterpret_cast<const char*>(element.data()), IFNAMSIZ);
    std::copy_n(element.begin() + IFNAMSIZ, sizeof(std::uint32_t), address.address.octets.begin());
    if (!address.address.is_unspecified()) {
      guarded[port.c_str()].push_back(address);
    }
  }
  return guarded;
}

void add_guarded(const std::vector<net::Cidr>& guarded, std::vector<net::Cidr>& addresses) {
  for (const net::Cidr& address : guarded) {
    if (std::ranges::find(addresses, address.address, &net::Cidr::address) == addresses.end()) {
      addresses.push_back(address);
    }
  }
}

BridgePod pod_behind(const cni::Port& port, GuardedAddresses& guarded) {
  const auto attachment = cni::attachment_of(port.alias);
  BridgePod pod{port.link.name, attachment ? cni::address_owner(*attachment) : "", {}};
  if (auto seen = cni::far_addresses(port)) {
    std::ranges::copy_if(*seen, std::back_inserter(pod.addresses),
                         [](const net::Cidr& each) { return each.address.is_v4(); });
  }
  add_guarded(guarded[port.link.name], pod.addresses);
  return pod;
}

enum class Reach { bridge, also_no_bridge };

Result<std::vector<BridgePod>> find(std::string_view bridge, Reach reach) {
  auto socket = nl::Socket::open(NETLINK_ROUTE);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  nl::Link link;
  WEFT_TRY(link, nl::require_link(*socket, bridge));
  std::vector<cni::Port> ports;
  WEFT_TRY(ports, cni::list_ports(*socket));
  GuardedAddresses guarded = read_guard();

  std::vector<BridgePod> pods;
  for (const cni::Port& port : ports) {
    const bool is_on_bridge = port.link.master == link.index;
    const bool is_on_none = port.link.master == 0 && cni::is_pods(port);
    if (!is_on_bridge && !(reach == Reach::also_no_bridge && is_on_none)) {
      continue;
    }
    BridgePod pod = pod_behind(port, guarded);
    if ((is_on_bridge && cni::is_pods(port)) || !pod.addresses.empty()) {
      pods.push_back(std::move(pod));
    }
  }
  return pods;
}

}  // namespace

Result<std::vector<BridgePod>> find_pods(std::string_view bridge) {
  return find(bridge, Reach::bridge);
}

Result<std::vector<BridgePod>> find_all_pods(std::string_view bridge) {
  return find(bridge, Reach::also_no_bridge);
}

}  // namespace weft::bridge
