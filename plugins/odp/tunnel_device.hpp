#pragma once
/// VXLAN interfaces in the place of Open vSwitch's own tunnel ports, which Linux 7.3 has no more.

#include <cstdint>
#include <string>

#include <weft/netlink/link.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

namespace weft::odp {

/// "vxlan-6784", as Weave Net calls it.
[[nodiscard]] std::string tunnel_name(std::uint16_t udp_port);

/// The interface can be a tunnel port, whoever made it.
[[nodiscard]] bool is_tunnel_device(const nl::Link& link);

struct TunnelDevice {
  int index = 0;        ///< the interface's
  bool is_new = false;  ///< this call made it
};

/// The interface for tunnels at `udp_port`, made if there is none: one of an earlier run, whose
/// datapath was deleted, goes on. Errors: Errc::conflict, naming what is in the way and the remedy;
/// Errc::unsupported when the kernel has no VXLAN; the kernel's.
[[nodiscard]] Result<TunnelDevice> ensure_tunnel_device(nl::Socket& routes, std::uint16_t udp_port);

/// The kernel's refusal to receive at `udp_port`, with the interface that does it already when
/// there is one: Errc::conflict then, with the remedy.
[[nodiscard]] Error explain_refusal(nl::Socket& routes, std::uint16_t udp_port, Error refusal);

}  // namespace weft::odp
