#pragma once
/// What the executable weft-cni and the daemon's cni plugin say to each other over the control
/// socket. Both sides compile this; text in, values out.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/net/mac.hpp>
#include <weft/result.hpp>

namespace weft::cni {

/// How the names of pods' ports on the bridge begin. Source: weaveworks/weave net/veth.go.
inline constexpr std::string_view pod_port_prefix = "vethwepl";

/// The parameters of the commands cni.add, cni.release, cni.check and cni.network.
struct PodRequest {
  std::string container_id;
  std::string interface;             ///< as the pod will call it: "eth0"
  std::optional<net::Cidr> subnet;   ///< cni.add: where to allocate; absent: the default subnet
  std::optional<net::Cidr> address;  ///< cni.network: given to the pod by another IPAM plugin
  bool operator==(const PodRequest&) const = default;
};

/// How a pod is attached: the answer of cni.add, cni.check and cni.network.
struct PodNetwork {
  std::optional<net::Cidr> address;  ///< cni.check: absent when the container holds none
  std::optional<net::IpAddress> gateway;
  std::uint32_t mtu = 0;
  std::string bridge;
  bool guard = false;  ///< the node guards ports: say cni.guard before the pod's is up
  bool operator==(const PodNetwork&) const = default;
};

/// The parameters of the command cni.guard: what may come by a pod's port on the bridge.
struct PodPort {
  std::string port;  ///< the interface's name
  net::Mac mac;      ///< of the pod's end
  std::vector<net::IpAddress> addresses;
  bool guard = true;  ///< false: whatever the pod sends
  bool operator==(const PodPort&) const = default;
};

/// The rule of the CNI specification: a letter or digit, then also '_', '.' and '-'.
[[nodiscard]] bool is_container_id(std::string_view text) noexcept;

[[nodiscard]] std::string to_json(const PodRequest& request);
/// Errors: Errc::malformed; Errc::invalid, names the field.
[[nodiscard]] Result<PodRequest> parse_pod_request(std::string_view text);

[[nodiscard]] std::string to_json(const PodNetwork& network);
/// Errors: Errc::malformed; Errc::invalid, names the field.
[[nodiscard]] Result<PodNetwork> parse_pod_network(std::string_view text);

[[nodiscard]] std::string to_json(const PodPort& port);
/// Errors: Errc::malformed; Errc::invalid, names the field.
[[nodiscard]] Result<PodPort> parse_pod_port(std::string_view text);

}  // namespace weft::cni
