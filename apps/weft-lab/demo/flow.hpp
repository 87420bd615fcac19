#pragma once
/// Finding a flow in a node's report.

#include <string>
#include <vector>

#include "console/json.hpp"
#include "steps.hpp"

namespace weft::lab {

/// A flow in the words of the report.
struct FlowText {
  std::vector<std::string> keys;     ///< in any order
  std::vector<std::string> actions;  ///< in order
};

/// Holds if among `flows`, the report's, one has these keys, apart from those of the kernel's
/// connection tracking, exactly these actions, and has carried packets. Pure.
[[nodiscard]] Check check_flow(const console::Json& flows, const FlowText& wanted);

/// The tunnel id of frames from one peer to another. Source: Weave Net, router/fastdp.go.
[[nodiscard]] std::string tunnel_id(std::uint64_t from_short_id, std::uint64_t to_short_id);

/// "TunnelFlowKey{...}" of frames that arrive, "SetTunnelAction{...}" of those that leave.
[[nodiscard]] std::string tunnel_key(const std::string& id, const LabNode& from, const LabNode& to);
[[nodiscard]] std::string set_tunnel(const std::string& id, const LabNode& from, const LabNode& to);

/// The id of frames from one node to another, from the short ids in the report.
[[nodiscard]] Result<std::string> tunnel_id_between(const Lab& lab, const LabNode& from,
                                                    const LabNode& to);

/// check_flow on the flows of a node's report.
[[nodiscard]] Result<Check> check_flow_of(const Lab& lab, const LabNode& node,
                                          const FlowText& wanted);

}  // namespace weft::lab
