#pragma once
/// From what the dataplane would do with a flow to what the kernel can do by itself.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <weft/service/flows.hpp>

#include "flow.hpp"
#include "flow_table.hpp"
#include "lane_port.hpp"
#include "packet_sender.hpp"

namespace weft::odp {

/// The datapath's own ports, and what fits through them.
struct FlowPorts {
  PortNumber bridge = 0;                  ///< the bridge's; 0: it has not joined
  PortNumber router = 0;                  ///< the lanes'; 0: likewise
  std::uint32_t mtu = 1376;               ///< of the pods, bytes of IP packet
  std::optional<std::uint32_t> upcall{};  ///< for longer frames; absent: see can_check_length
};

/// Changes nothing: what it says of a flow depends on its arguments and on what the planner says.
/// Used on one thread.
class FlowCompiler {
 public:
  /// Where copies for `hop` go now; empty when the kernel cannot send them.
  using OutputFor = std::function<std::optional<TunnelOutput>(const FlowHop& hop)>;

  /// What is referred to outlives the compiler. `view`: what lanes know now.
  FlowCompiler(PeerName self, const FlowPlanner& planner, const FlowPorts& ports,
               const std::shared_ptr<const LaneView>& view, OutputFor output_for)
      : self_(self),
        planner_(planner),
        ports_(ports),
        view_(view),
        output_for_(std::move(output_for)) {}

  /// What the kernel should do with the frames of `key`.
  [[nodiscard]] Verdict plan(const FlowKey& key) const;
  /// The peer whose frames a flow carries, and the MAC they come from; empty for relayed ones.
  [[nodiscard]] std::optional<MacSighting> sighting(const FlowKey& key) const;

 private:
  [[nodiscard]] Verdict compile(const FlowKey& key, const FlowDecision& decision) const;
  /// The copies of a flow's frames for other peers, up to the length that reaches all of them;
  /// false when one cannot be made in the kernel.
  [[nodiscard]] bool add_hops(const FlowKey& key, const FlowDecision& decision,
                              Verdict& verdict) const;

  const PeerName self_;
  const FlowPlanner& planner_;
  const FlowPorts& ports_;
  const std::shared_ptr<const LaneView>& view_;
  const OutputFor output_for_;
};

}  // namespace weft::odp
