#pragma once
/// Flows of an Open vSwitch datapath, as values: what they match and what they do.
/// Source: Linux include/uapi/linux/openvswitch.h; weaveworks/weave router/fastdp.go.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/net/ip.hpp>
#include <weft/net/mac.hpp>

#include "common/fastdp/tunnel.hpp"

namespace weft::odp {

using fastdp::PortNumber;
using fastdp::Tunnel;

struct MacPair {
  net::Mac source;
  net::Mac destination;

  auto operator<=>(const MacPair&) const = default;
};

/// What a flow matches; everything else is wild.
struct FlowKey {
  PortNumber in_port = 0;
  std::optional<Tunnel> tunnel{};  ///< present on tunnel ports
  std::optional<MacPair> macs{};   ///< absent: any frame

  auto operator<=>(const FlowKey&) const = default;
};

/// Encapsulates what is output next.
struct SetTunnel {
  Tunnel tunnel;

  bool operator==(const SetTunnel&) const = default;
};
struct Output {
  PortNumber port = 0;

  bool operator==(const Output&) const = default;
};
/// First of a flow's actions: longer frames go up to the lanes, and none of the others is done.
struct CheckLength {
  std::uint16_t max_bytes = 0;    ///< of a frame, Ethernet header included
  std::uint32_t upcall_port = 0;  ///< Kernel::upcall_port

  bool operator==(const CheckLength&) const = default;
};
using Action = std::variant<SetTunnel, Output, CheckLength>;
/// None: the flow drops.
using Actions = std::vector<Action>;

/// A key that weft does not match by, as the kernel reports it.
struct ForeignKey {
  std::uint16_t type = 0;
  Bytes key;
  Bytes mask;

  bool operator==(const ForeignKey&) const = default;
};

/// A flow as dumped.
struct KernelFlow {
  FlowKey key;
  Actions actions;
  std::vector<ForeignKey> foreign;
  bool is_plain = true;  ///< false: it matches or does what these values cannot express
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint64_t used_ms = 0;  ///< when, by the kernel's monotonic clock; 0: never
};

/// As Weave Net's report shows them: "InPortFlowKey{vport: 1}", "OutputAction{vport: 2}".
[[nodiscard]] std::vector<std::string> describe_keys(const KernelFlow& flow);
[[nodiscard]] std::vector<std::string> describe_actions(const Actions& actions);

}  // namespace weft::odp
