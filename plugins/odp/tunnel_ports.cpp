/// Adds VXLAN ports to the datapath, and removes those that nobody needs.

#include "tunnel_ports.hpp"

#include <fmt/format.h>

namespace weft::odp {
namespace {

/// As the original's ports come to be numbered, and its reports show them: 1 is the bridge.
constexpr PortNumber own_number = 2;

}  // namespace

Result<Vport> TunnelPorts::ensure(std::uint16_t udp_port) {
  Vport port{.number = udp_port == own_port_ ? own_number : 0,
             .type = Vport::Type::vxlan,
             .name = fmt::format("vxlan-{}", udp_port),
             .udp_port = udp_port};
  WEFT_TRY(port.number, kernel_.ensure_vport(port));
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
  WEFT_TRY(ports, kernel_.vports());
  for (const Vport& port : ports) {
    if (port.type == Vport::Type::vxlan && port.udp_port != own_port_ && !is_used(port.number)) {
      WEFT_TRY(kernel_.delete_vport(port.number));
    }
  }
  return {};
}

}  // namespace weft::odp
