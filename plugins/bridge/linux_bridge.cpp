/// Creates, adopts, repairs and addresses the Linux bridge.
/// Source: weaveworks/weave net/bridge.go, EnsureBridge; net/expose.go, Expose.

#include "linux_bridge.hpp"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include <weft/netlink/address.hpp>
#include <weft/netlink/message.hpp>
#include <weft/netlink/namespace.hpp>
#include <weft/netlink/route.hpp>

#include "common/attachment/port.hpp"
#include "link_names.hpp"
#include "pods_mtu.hpp"

namespace weft::bridge {
namespace {

/// IFLA_BR_FDB_MAX_LEARNED. Source: Linux include/uapi/linux/if_link.h since 6.7.
constexpr std::uint16_t max_learned_attribute = 49;

constexpr std::string_view router_port = "the router's port";

bool is_link_local(const net::IpAddress& address) {
  const auto first = load_be<std::uint16_t>(address.octets.data());
  return address.is_v4() ? first == 0xA9FE : (first & 0xFFC0U) == 0xFE80;
}

/// A kernel without IPv6 has none of its settings: nothing to switch off.
Result<> write_if_present(const std::string& name, std::string_view value) {
  auto written = nl::write_setting(name, value);
  if (!written && written.error().code == std::errc::no_such_file_or_directory) {
    return {};
  }
  return written;
}

}  // namespace

Result<LinuxBridge> LinuxBridge::open(Settings settings) {
  auto socket = nl::Socket::open(NETLINK_ROUTE);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  return LinuxBridge{std::move(settings), *std::move(socket)};
}

Result<> LinuxBridge::ensure() {
  std::optional<nl::Link> tap;
  WEFT_TRY(tap, nl::find_link(socket_, settings_.port));
  if (tap) {
    WEFT_TRY(want_kind(*tap, "tun", router_port));
  }
  std::optional<nl::Link> found;
  WEFT_TRY(found, nl::find_link(socket_, settings_.name));
  if (!found) {
    WEFT_TRY(nl::create_bridge(socket_, settings_.name));
    WEFT_TRY(found, nl::require_link(socket_, settings_.name));
  }
  WEFT_TRY(want_kind(*found, "bridge", "the bridge"));
  // Set after creation, and for good: a bridge otherwise takes the lowest MAC of its ports.
  if (found->mac != settings_.mac) {
    WEFT_TRY(nl::change_link(socket_, found->index, {.mac = settings_.mac}));
  }
  return tune();
}

Result<> LinuxBridge::tune() {
  WEFT_TRY(nl::write_setting("net/ipv4/ip_forward", "1"));
  tolerate(write_if_present(fmt::format("net/ipv6/conf/{}/accept_ra", settings_.name), "0"),
           "a pod's IPv6 router advertisements may change this node's routes");
  WEFT_TRY(bound_learning());
  tolerate(nl::tune_arp(settings_.name), "an address that moves is found later");
  return {};
}

void LinuxBridge::tolerate(const Result<>& outcome, std::string_view cost) {
  if (!outcome) {
    tolerated_.push_back(fmt::format("{}: {}", cost, outcome.error().message()));
  }
}

/// A pod that invents MACs otherwise fills the kernel's memory. Kernels before 6.7 pass over it.
Result<> LinuxBridge::bound_learning() {
  nl::Link bridge;
  WEFT_TRY(bridge, link());
  nl::Message message{RTM_NEWLINK, NLM_F_ACK};
  message.extra_header<ifinfomsg>().ifi_index = bridge.index;
  message.nest(IFLA_LINKINFO, [&] {
    message.put_text(IFLA_INFO_KIND, "bridge");
    message.nest(IFLA_INFO_DATA,
                 [&] { message.put_number(max_learned_attribute, settings_.max_learned); });
  });
  return socket_.request(message, fmt::format("bound what bridge '{}' learns", settings_.name));
}

Result<std::uint32_t> LinuxBridge::port_mtu(int bridge) {
  std::vector<cni::Port> ports;
  WEFT_TRY(ports, cni::list_ports(socket_, bridge));
  std::uint32_t largest = settings_.mtu;
  for (const cni::Port& port : ports) {
    largest = cni::is_pods(port) ? std::max(largest, port.link.mtu) : largest;
  }
  return std::min(largest, largest_mtu);
}

void LinuxBridge::silence(std::string_view interface) {
  tolerate(write_if_present(fmt::format("net/ipv6/conf/{}/disable_ipv6", interface), "1"),
           "the kernel sends IPv6 packets of its own into the pods' network");
}

Result<> LinuxBridge::attach_port() {
  nl::Link bridge;
  nl::Link port;
  std::optional<nl::Link> to_datapath;
  WEFT_TRY(to_datapath, nl::find_link(socket_, near_end));
  if (to_datapath && to_datapath->kind == "veth") {
    WEFT_TRY(nl::delete_link(socket_, to_datapath->index));
  }
  port_ = settings_.port;
  WEFT_TRY(bridge, link());
  WEFT_TRY(port, this->port());
  silence(port_);
  std::uint32_t room = 0;
  WEFT_TRY(room, port_mtu(bridge.index));
  WEFT_TRY(nl::change_link(socket_, port.index, {.mtu = room, .master = bridge.index, .up = true}));
  return bring_up();
}

/// A bridge follows the least MTU of its ports until it is given one that it has not.
/// Source: Linux net/bridge/br_device.c, br_change_mtu.
Result<> LinuxBridge::bring_up() {
  nl::Link bridge;
  WEFT_TRY(bridge, link());
  if (bridge.mtu == settings_.mtu) {
    WEFT_TRY(nl::change_link(socket_, bridge.index, {.mtu = settings_.mtu - 1}));
  }
  return nl::change_link(socket_, bridge.index, {.mtu = settings_.mtu, .up = true});
}

Result<nl::Link> LinuxBridge::port() {
  nl::Link found;
  WEFT_TRY(found, nl::require_link(socket_, port_));
  WEFT_TRY(want_kind(found, port_ == near_end ? "veth" : "tun", router_port));
  return found;
}

Result<std::string> LinuxBridge::attach_datapath() {
  nl::Link bridge;
  nl::Link near;
  nl::Link far;
  WEFT_TRY(bridge, link());
  std::uint32_t room = 0;
  WEFT_TRY(room, port_mtu(bridge.index));
  for (const std::string_view end : {near_end, far_end}) {
    std::optional<nl::Link> taken;
    WEFT_TRY(taken, nl::find_link(socket_, end));
    if (taken) {
      WEFT_TRY(want_kind(*taken, "veth", "an end of the way to the datapath"));
    }
  }
  std::optional<nl::Link> found;
  WEFT_TRY(found, nl::find_link(socket_, near_end));
  if (!found) {
    WEFT_TRY(nl::create_veth(socket_, {.name = std::string(near_end), .mtu = room},
                             {.name = std::string(far_end), .mtu = room}));
  }
  WEFT_TRY(near, nl::require_link(socket_, near_end));
  WEFT_TRY(far, nl::require_link(socket_, far_end));
  for (const std::string_view end : {near_end, far_end}) {
    silence(end);
  }
  std::optional<nl::Link> tap;
  WEFT_TRY(tap, nl::find_link(socket_, settings_.port));
  if (tap) {
    silence(tap->name);
    if (tap->master == bridge.index) {
      WEFT_TRY(nl::change_link(socket_, tap->index, {.master = 0}));
    }
    WEFT_TRY(nl::change_link(socket_, tap->index, {.mtu = room, .up = true}));
  }
  WEFT_TRY(nl::change_link(socket_, far.index, {.mtu = room, .up = true}));
  WEFT_TRY(nl::change_link(socket_, near.index, {.mtu = room, .master = bridge.index, .up = true}));
  port_ = near_end;
  WEFT_TRY(bring_up());
  return std::string(far_end);
}

Result<Repair> LinuxBridge::check() {
  Repair repair{std::exchange(tolerated_, {})};
  nl::Link bridge;
  nl::Link port;
  WEFT_TRY(bridge, link());
  WEFT_TRY(port, this->port());
  std::uint32_t room = 0;
  WEFT_TRY(room, port_mtu(bridge.index));
  WEFT_TRY(check_bridge(bridge, repair));
  WEFT_TRY(check_port(port, room, bridge.index, repair));
  WEFT_TRY(check_far_ends(room, repair));
  WEFT_TRY(check_predecessor(bridge.index, repair));
  WEFT_TRY(check_forwarding(repair));
  return repair;
}

Result<> LinuxBridge::check_bridge(const nl::Link& bridge, Repair& repair) {
  WEFT_TRY(check_up(bridge, settings_.mtu, "bridge", repair));
  if (bridge.mac != settings_.mac) {
    repair.warnings.push_back("bridge lost its MAC; set again");
    WEFT_TRY(nl::change_link(socket_, bridge.index, {.mac = settings_.mac}));
  }
  return check_settings(bridge.index, LinkRole::bridge, repair);
}

Result<> LinuxBridge::check_port(const nl::Link& port, std::uint32_t mtu, int bridge,
                                 Repair& repair) {
  WEFT_TRY(check_up(port, mtu, "router's port", repair));
  if (port.master != bridge) {
    repair.warnings.push_back("router's port was taken off the bridge; attached again");
    WEFT_TRY(nl::change_link(socket_, port.index, {.master = bridge}));
  }
  if (port.is_hairpin) {
    repair.warnings.push_back(
        "hairpin mode on the router's port sends frames back into the network; switched off");
    WEFT_TRY(nl::set_hairpin(socket_, port.index, false));
  }
  return check_settings(port.index, LinkRole::port, repair);
}

/// With a datapath: its end of the veth pair, and the tap, which is a port of the datapath.
Result<> LinuxBridge::check_far_ends(std::uint32_t mtu, Repair& repair) {
  if (port_ != near_end) {
    return {};
  }
  nl::Link far;
  WEFT_TRY(far, nl::require_link(socket_, far_end));
  WEFT_TRY(check_up(far, mtu, "the datapath's end of the veth pair", repair));
  std::optional<nl::Link> tap;
  WEFT_TRY(tap, nl::find_link(socket_, settings_.port));
  return tap ? check_up(*tap, mtu, "the router's tap", repair) : Result<>{};
}

Result<> LinuxBridge::check_up(const nl::Link& link, std::uint32_t mtu, std::string_view what,
                               Repair& repair) {
  if (!link.is_up) {
    repair.warnings.push_back(fmt::format("{} was set down; set up again", what));
    WEFT_TRY(nl::change_link(socket_, link.index, {.up = true}));
  }
  if (link.mtu != mtu) {
    repair.warnings.push_back(
        fmt::format("{} got another MTU; set again (`mtu` of [plugin.bridge] changes it)", what));
    WEFT_TRY(nl::change_link(socket_, link.index, {.mtu = mtu}));
  }
  return {};
}

Result<> LinuxBridge::check_settings(int index, LinkRole role, Repair& repair) {
  LinkSettings found;
  WEFT_TRY(found, read_link_settings(socket_, index));
  if (role == LinkRole::bridge && !found.has_arp) {
    repair.warnings.emplace_back("bridge asked for no pod's MAC, its ARP was off; switched on");
    WEFT_TRY(switch_arp_on(socket_, index));
  }
  for (const WantedSetting& setting : differing_settings(found, role)) {
    auto written = write_link_setting(socket_, index, role, setting);
    // A port without carrier cannot forward yet; it does by itself as soon as it has one.
    if (!written && written.error().code == std::errc::network_down) {
      continue;
    }
    repair.warnings.emplace_back(setting.complaint);
    WEFT_TRY(std::move(written));
  }
  return {};
}

Result<> LinuxBridge::check_forwarding(Repair& repair) {
  std::vector<std::string> names{"net/ipv4/ip_forward",
                                 fmt::format("net/ipv4/conf/{}/forwarding", settings_.name)};
  std::set<std::string> uplinks;
  WEFT_TRY(uplinks, this->uplinks());
  for (const std::string& uplink : uplinks) {
    names.push_back(fmt::format("net/ipv4/conf/{}/forwarding", uplink));
  }
  for (const std::string& name : names) {
    const auto value = nl::read_setting(name);
    if (!value && value.error().code == std::errc::no_such_file_or_directory) {
      continue;  // the interface is gone
    }
    WEFT_TRY(value);
    if (*value == "0") {
      WEFT_TRY(nl::write_setting(name, "1"));
      repair.warnings.push_back(
          fmt::format("{} was 0, which cuts pods off from the outside; set to 1 again", name));
    }
  }
  return {};
}

/// Where pods' answers come in.
Result<std::set<std::string>> LinuxBridge::uplinks() {
  std::vector<nl::Route> routes;
  WEFT_TRY(routes, nl::list_routes(socket_, net::Family::v4));
  std::set<std::string> names;
  for (const nl::Route& route : routes) {
    if (route.destination.prefix_length != 0 || route.link == 0) {
      continue;
    }
    std::optional<nl::Link> link;
    WEFT_TRY(link, nl::find_link(socket_, route.link));
    if (link) {
      names.insert(link->name);
    }
  }
  return names;
}

Result<> LinuxBridge::check_predecessor(int bridge, Repair& repair) {
  std::optional<nl::Link> predecessor;
  WEFT_TRY(predecessor, nl::find_link(socket_, near_end));
  if (predecessor && port_ != near_end && predecessor->master == bridge) {
    repair.warnings.push_back("Weave Net's port vethwe-bridge was still attached; released");
    WEFT_TRY(nl::change_link(socket_, predecessor->index, {.master = 0}));
  }
  return {};
}

Result<> LinuxBridge::add_address(const net::Cidr& address) {
  nl::Link bridge;
  WEFT_TRY(bridge, link());
  WEFT_TRY(nl::add_address(socket_, bridge.index, address));
  return address.address.is_v4() ? nl::announce_address(bridge.index, bridge.mac, address.address)
                                 : Result<>{};
}

Result<> LinuxBridge::delete_address(const net::Cidr& address) {
  nl::Link bridge;
  WEFT_TRY(bridge, link());
  return nl::delete_address(socket_, bridge.index, address);
}

Result<bool> LinuxBridge::add_route(const net::Cidr& address) {
  nl::Link bridge;
  WEFT_TRY(bridge, link());
  const net::Cidr network = address.network();
  std::vector<nl::Route> routes;
  WEFT_TRY(routes, nl::list_routes(socket_, network.address.family));
  const bool is_there = std::ranges::any_of(routes, [&](const nl::Route& route) {
    return route.destination == network && route.link == bridge.index;
  });
  if (is_there || network.prefix_length == network.address.width()) {
    return false;
  }
  nl::Route route{.destination = network, .link = bridge.index, .is_link_scope = true};
  if (address.address.is_v4()) {
    route.source = address.address;
  }
  WEFT_TRY(nl::add_route(socket_, route));
  return true;
}

Result<bool> LinuxBridge::add_local_route(const net::IpAddress& address) {
  nl::Link bridge;
  WEFT_TRY(bridge, link());
  nl::Message message{RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL};
  auto& info = message.extra_header<rtmsg>();
  info.rtm_family = AF_INET;
  info.rtm_dst_len = 32;
  info.rtm_table = RT_TABLE_LOCAL;
  info.rtm_protocol = RTPROT_KERNEL;
  info.rtm_scope = RT_SCOPE_HOST;
  info.rtm_type = RTN_LOCAL;
  message.put(RTA_DST, address.bytes()).put(RTA_PREFSRC, address.bytes());
  message.put_number(RTA_OIF, bridge.index);
  const auto added =
      socket_.request(message, fmt::format("add the local route of {}", net::to_string(address)));
  if (!added && added.error().code == std::errc::file_exists) {
    return false;
  }
  return added.map([] { return true; });
}

Result<std::vector<net::Cidr>> LinuxBridge::addresses() {
  nl::Link bridge;
  WEFT_TRY(bridge, link());
  std::vector<net::Cidr> held;
  WEFT_TRY(held, nl::list_addresses(socket_, bridge.index));
  std::erase_if(held, [](const net::Cidr& each) { return is_link_local(each.address); });
  return held;
}

}  // namespace weft::bridge
