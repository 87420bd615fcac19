#pragma once
/// What the executable weft-cni and the daemon's cni plugin say to each other over the control
/// socket. Both sides compile this; text in, values out.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <weft/net/ip.hpp>
#include <weft/result.hpp>

namespace weft::cni {

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
  bool operator==(const PodNetwork&) const = default;
};

/// The rule of the CNI specification: a letter or digit, then also '_', '.' and '-'.
[[nodiscard]] bool is_container_id(std::string_view text) noexcept;

[[nodiscard]] std::string to_json(const PodRequest& request);
/// Errors: Errc::malformed; Errc::invalid, names the field.
[[nodiscard]] Result<PodRequest> parse_pod_request(std::string_view text);

[[nodiscard]] std::string to_json(const PodNetwork& network);
/// Errors: Errc::malformed; Errc::invalid, names the field.
[[nodiscard]] Result<PodNetwork> parse_pod_network(std::string_view text);

}  // namespace weft::cni
