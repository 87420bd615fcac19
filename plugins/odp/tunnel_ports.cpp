/// Adds VXLAN ports to the datapath, and removes those that nobody needs.

#include "tunnel_ports.hpp"

#include <algorithm>

#include <linux/netlink.h>

#include "tunnel_device.hpp"

namespace weft::odp {
namespace {

/// As Weave Net's ports come to be numbered, and its reports show them: 1 is the bridge.
constexpr PortNumber own_number = 2;

}  // namespace

Result<TunnelPorts> TunnelPorts::open(Kernel& kernel, std::uint16_t own_port) {
  auto routes = nl::Socket::open(NETLINK_ROUTE);
  if (!routes) {
    return tl::unexpected(std::move(routes).error());
  }
  return TunnelPorts(kernel, *std::move(routes), own_port);
}

Result<std::vector<Vport>> TunnelPorts::vports() {
  std::vector<Vport> ports;
  WEFT_TRY(ports, kernel_.vports());
  for (Vport& port : ports) {
    if (port.type != Vport::Type::netdev) {
      continue;
    }
    std::optional<nl::Link> link;
    WEFT_TRY(link, nl::find_link(routes_, port.interface));
    if (link && is_tunnel_device(*link)) {
      port.type = Vport::Type::vxlan;
      port.udp_port = link->vxlan->udp_port;
      port.is_device = true;
    }
  }
  return ports;
}

/// Open vSwitch's own port is preferred, as Weave Net can take it back: it removes no others when
/// it starts, and cannot make its own beside them.
Result<Vport> TunnelPorts::ensure(std::uint16_t udp_port) {
  std::vector<Vport> ports;
  WEFT_TRY(ports, vports());
  const auto at = std::ranges::find_if(ports, [udp_port](const Vport& port) {
    return port.type == Vport::Type::vxlan && port.udp_port == udp_port &&
           port.name == tunnel_name(udp_port);
  });
  if (at != ports.end()) {
    return *at;
  }
  Vport port{.number = udp_port == own_port_ ? own_number : 0,
             .type = Vport::Type::vxlan,
             .name = tunnel_name(udp_port),
             .udp_port = udp_port};
  const auto added = kernel_.ensure_vport(port);
  if (added) {
    port.number = *added;
    return port;
  }
  if (added.error().code == std::errc::address_family_not_supported ||
      added.error().code == std::errc::file_exists) {
    return ensure_device(std::move(port));
  }
  return tl::unexpected(explain_refusal(routes_, udp_port, added.error()));
}

Result<Vport> TunnelPorts::ensure_device(Vport port) {
  TunnelDevice device;
  WEFT_TRY(device, ensure_tunnel_device(routes_, port.udp_port));
  const auto added = kernel_.ensure_vport({.number = port.number, .name = port.name});
  if (!added) {
    if (device.is_new) {
      static_cast<void>(nl::delete_link(routes_, device.index));
    }
    return tl::unexpected(added.error());
  }
  port.number = *added;
  port.interface = device.index;
  port.is_device = true;
  return port;
}

Result<Vport> TunnelPorts::ensure_own() {
  return ensure(own_port_);
}

Result<Vport> TunnelPorts::ensure_for(const OverlayLink& link) {
  return ensure(link.outbound ? static_cast<std::uint16_t>(link.remote_address.port + 1)
                              : own_port_);
}

Result<> TunnelPorts::remove_unused(const std::function<bool(PortNumber)>& is_used) {
  std::vector<Vport> ports;
  WEFT_TRY(ports, vports());
  for (const Vport& port : ports) {
    if (port.type != Vport::Type::vxlan || port.udp_port == own_port_ || is_used(port.number)) {
      continue;
    }
    WEFT_TRY(kernel_.delete_vport(port.number));
    if (port.is_device) {
      WEFT_TRY(nl::delete_link(routes_, port.interface));
    }
  }
  return {};
}

}  // namespace weft::odp
