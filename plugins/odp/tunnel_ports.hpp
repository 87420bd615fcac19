#pragma once
/// The datapath's tunnel ports, one for each UDP port that connections use.

#include <cstdint>
#include <functional>

#include <weft/result.hpp>
#include <weft/service/overlay.hpp>

#include "kernel.hpp"

namespace weft::odp {

/// This node's own, and those towards peers that listen elsewhere: a VXLAN port sends to the number
/// that it receives at. What the kernel has is all it knows, so that what an earlier run left is
/// like its own. One thread.
class TunnelPorts {
 public:
  /// `own_port`: where this node receives, UDP. `kernel` outlives it.
  TunnelPorts(Kernel& kernel, std::uint16_t own_port) : kernel_(kernel), own_port_(own_port) {}

  /// Adds this node's own, which stays. Errors: as Kernel::ensure_vport.
  [[nodiscard]] Result<Vport> ensure_own();
  /// The one for a connection: both peers use the port that the listening side was dialled at, plus
  /// one. Errors: as Kernel::ensure_vport. Source: weaveworks/weave router/fastdp.go,
  /// PrepareConnection.
  [[nodiscard]] Result<Vport> ensure_for(const OverlayLink& link);
  /// Removes those that `is_used` does not want.
  [[nodiscard]] Result<> remove_unused(const std::function<bool(PortNumber)>& is_used);

 private:
  [[nodiscard]] Result<Vport> ensure(std::uint16_t udp_port);

  Kernel& kernel_;
  const std::uint16_t own_port_;
};

}  // namespace weft::odp
