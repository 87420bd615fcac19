/// Reads all pods' ports in one dump, and compares them with what they were and should be.

#include "pod_ports.hpp"

#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include <weft/netlink/link.hpp>
#include <weft/netlink/message.hpp>

#include "common/attachment/attachment.hpp"
#include "common/attachment/port.hpp"
#include "link_settings.hpp"
#include "pods.hpp"

namespace weft::bridge {
namespace {

constexpr std::string_view check_name = "pod-ports";

struct PodPort {
  cni::Port port;
  LinkNumbers settings;
  bool is_running = false;  ///< IFF_RUNNING: the kernel's bridge lets only such ports forward

  [[nodiscard]] int index() const { return port.link.index; }
  [[nodiscard]] PodPortFault fault(std::string what) const {
    const auto attachment = cni::attachment_of(port.alias);
    return {std::move(what), port.link.name,
            attachment ? attachment->container_id + "/" + attachment->interface : ""};
  }
};

/// On whatever bridge, or on none.
Result<std::vector<PodPort>> list_pod_ports(nl::Socket& socket) {
  nl::Message message{RTM_GETLINK, NLM_F_DUMP};
  message.extra_header<ifinfomsg>();
  std::vector<PodPort> ports;
  WEFT_TRY(socket.query(
      message,
      [&](const nlmsghdr& each) {
        if (auto port = cni::parse_port(each); port && cni::is_pods(*port)) {
          const auto* const info = nl::extra_header<ifinfomsg>(each);
          ports.push_back({*std::move(port), parse_link_settings(each).port,
                           (info->ifi_flags & IFF_RUNNING) != 0});
        }
      },
      "list pods' ports"));
  return ports;
}

/// A site may keep pods apart on purpose, so this is only said.
void look_at_settings(const PodPort& pod, std::vector<PodPortFault>& faults) {
  for (const WantedSetting& setting : differing_settings({{}, pod.settings}, LinkRole::port)) {
    // A port whose pod has not set its end up does not forward.
    if (setting.attribute != IFLA_BRPORT_STATE || pod.is_running) {
      faults.push_back(pod.fault(fmt::format("pod's port has {}", setting.state)));
    }
  }
}

void look_at_mtu(const PodPort& pod, std::uint32_t bridge_mtu, std::vector<PodPortFault>& faults) {
  if (pod.port.link.mtu > bridge_mtu) {
    faults.push_back(pod.fault(
        fmt::format("pod may send packets of {} bytes, but others take {} since the bridge's MTU "
                    "was lowered; make the pod again",
                    pod.port.link.mtu, bridge_mtu)));
  }
}

/// Of a network that this node owns a part of, but not this one.
bool is_another_nodes(const net::Cidr& address, const std::vector<net::Cidr>& owned) {
  const auto has_it = [&](const net::Cidr& range) { return range.contains(address.address); };
  const auto is_near = [&](const net::Cidr& range) {
    return address.network().contains(range.address);
  };
  return std::ranges::none_of(owned, has_it) && std::ranges::any_of(owned, is_near);
}

/// Whose an address of the pod at `port` is by now; empty when all are its own.
std::string other_user(std::string_view port, const std::vector<BridgePod>& pods,
                       const std::vector<net::Cidr>& owned) {
  const auto pod = std::ranges::find(pods, port, &BridgePod::port);
  if (pod == pods.end()) {
    return "";
  }
  for (const net::Cidr& address : pod->addresses) {
    const auto other = std::ranges::find_if(pods, [&](const BridgePod& each) {
      return each.port != port && std::ranges::find(each.addresses, address.address,
                                                    &net::Cidr::address) != each.addresses.end();
    });
    if (other != pods.end()) {
      return fmt::format("the pod at {} has its address {}", other->port,
                         to_string(address.address));
    }
    if (is_another_nodes(address, owned)) {
      return fmt::format("its address {} is another node's", to_string(address.address));
    }
  }
  return "";
}

}  // namespace

Result<std::vector<PodPortFault>> PodPorts::check(nl::Socket& socket, std::string_view bridge) {
  nl::Link device;
  std::vector<PodPort> ports;
  WEFT_TRY(device, nl::require_link(socket, bridge));
  WEFT_TRY(ports, list_pod_ports(socket));
  std::map<int, std::uint32_t> before = std::exchange(attached_, {});
  std::vector<PodPortFault> faults;
  for (const PodPort& pod : ports) {
    const nl::Link& link = pod.port.link;
    const auto known = before.find(pod.index());
    const bool is_known = known != before.end();
    if (link.master != device.index && (!is_known || link.master != 0)) {
      continue;
    }
    if (!is_known && !link.is_up) {
      continue;
    }
    nl::LinkChange change;
    if (link.master == 0) {
      change.master = device.index;
      faults.push_back(pod.fault("pod's port was taken off the bridge; attached again"));
    }
    if (!link.is_up) {
      change.up = true;
      faults.push_back(pod.fault("pod's port was set down; set up again"));
    }
    // A larger one cuts nothing off: weft-cni gives it with the pod's own.
    std::uint32_t& mtu = attached_[pod.index()];
    mtu = std::max(link.mtu, is_known ? known->second : 0);
    if (mtu != link.mtu) {
      change.mtu = mtu;
      faults.push_back(pod.fault("pod's port got a smaller MTU than its pod; set again"));
    }
    if (change.master || change.up || change.mtu) {
      const auto changed = nl::change_link(socket, pod.index(), change);
      if (!changed && changed.error().code == std::errc::no_such_device) {
        attached_.erase(pod.index());  // its pod has just ended
        continue;
      }
      WEFT_TRY(changed);
    }
    look_at_settings(pod, faults);
    look_at_mtu(pod, device.mtu, faults);
  }
  return faults;
}

Result<std::vector<doctor::Check>> PodPorts::checks(nl::Socket& socket, std::string_view bridge,
                                                    const std::vector<net::Cidr>& owned) {
  using doctor::State;
  nl::Link device;
  std::vector<PodPort> ports;
  std::vector<BridgePod> pods;
  WEFT_TRY(device, nl::require_link(socket, bridge));
  WEFT_TRY(ports, list_pod_ports(socket));
  if (std::ranges::any_of(ports, [](const PodPort& pod) { return pod.port.link.master == 0; })) {
    WEFT_TRY(pods, find_all_pods(bridge));
  }
  std::vector<doctor::Check> checks;
  std::size_t attached = 0;
  for (const PodPort& pod : ports) {
    const std::string& name = pod.port.link.name;
    std::vector<PodPortFault> faults;
    std::string remedy = fmt::format("bridge -d link show dev {}", name);
    if (pod.port.link.master == 0) {
      const std::string user = other_user(name, pods, owned);
      faults.push_back(
          pod.fault("pod's port is on no bridge" + (user.empty() ? "" : ", and " + user)));
      remedy = "make the pod again";
      if (user.empty()) {
        remedy += fmt::format(", or: ip link set {} master {} up", name, bridge);
      }
    } else if (pod.port.link.master == device.index) {
      ++attached;
      if (!pod.port.link.is_up) {
        faults.push_back(pod.fault("pod's port is down"));
        remedy = fmt::format("ip link set {} up", name);
      }
      look_at_settings(pod, faults);
      look_at_mtu(pod, device.mtu, faults);
    }
    for (const PodPortFault& fault : faults) {
      checks.push_back({std::string(check_name), State::wrong,
                        fmt::format("{}: {}{}", fault.what, fault.port,
                                    fault.pod.empty() ? "" : " of " + fault.pod),
                        remedy});
    }
  }
  if (checks.empty()) {
    checks.push_back({std::string(check_name), State::ok,
                      fmt::format("{} pods' ports are on the bridge and up", attached)});
  }
  return checks;
}

}  // namespace weft::bridge
