#pragma once
/// The datapath's tunnel ports, one for each UDP port that connections use.

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>
#include <weft/service/overlay.hpp>

#include "kernel.hpp"

namespace weft::odp {

/// This node's own, and those towards peers that listen elsewhere: a VXLAN port sends to the number
/// that it receives at. They are Open vSwitch's tunnel ports, as Weave Net makes them; where the
/// kernel has none, VXLAN interfaces added as ports. What the kernel has is all it knows, so that
/// what an earlier run or Weave Net left is like its own. One thread.
class TunnelPorts {
 public:
  /// `own_port`: where this node receives, UDP. `kernel` outlives it.
  [[nodiscard]] static Result<TunnelPorts> open(Kernel& kernel, std::uint16_t own_port);

  /// Adds this node's own, which stays. Errors: the kernel's; as ensure_tunnel_device.
  [[nodiscard]] Result<Vport> ensure_own();
  /// The one for a connection: both peers use the port that the listening side was dialled at, plus
  /// one. Errors: as ensure_own. Source: weaveworks/weave router/fastdp.go, PrepareConnection.
  [[nodiscard]] Result<Vport> ensure_for(const OverlayLink& link);
  /// Removes those that `is_used` does not want.
  [[nodiscard]] Result<> remove_unused(const std::function<bool(PortNumber)>& is_used);

  /// As Kernel::vports, with tunnel interfaces as the VXLAN ports that they stand for.
  [[nodiscard]] Result<std::vector<Vport>> vports();

 private:
  TunnelPorts(Kernel& kernel, nl::Socket routes, std::uint16_t own_port)
      : kernel_(kernel), routes_(std::move(routes)), own_port_(own_port) {}

  [[nodiscard]] Result<Vport> ensure(std::uint16_t udp_port);
  [[nodiscard]] Result<Vport> ensure_device(Vport port);

  Kernel& kernel_;
  nl::Socket routes_;
  std::uint16_t own_port_;
};

}  // namespace weft::odp
