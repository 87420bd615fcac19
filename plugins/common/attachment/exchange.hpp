#pragma once
/// What the executable weft-cni and the daemon's cni plugin say to each other over the control
/// socket. Both sides compile this; text in, values out.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/events/pod.hpp>
#include <weft/net/ip.hpp>
#include <weft/net/mac.hpp>
#include <weft/result.hpp>

#include "common/attachment/attachment.hpp"

namespace weft::cni {

/// The parameters of the commands cni.add, cni.undo, cni.release, cni.check and cni.network.
struct PodRequest {
  std::string container_id;
  std::string interface;            ///< as the pod calls it: "eth0"
  std::optional<net::Cidr> subnet;  ///< cni.add: where to allocate; absent: the default subnet
  /// cni.network: given to the pod by another IPAM plugin. Others: what ADD answered, if the caller
  /// knows.
  std::vector<net::Cidr> addresses;
  std::uint64_t attempt = 0;  ///< cni.undo: which cni.add
  bool has_port = false;      ///< cni.add: weft-cni makes the pod's interface
  [[nodiscard]] AttachmentId attachment() const { return {container_id, interface}; }
  bool operator==(const PodRequest&) const = default;
};

/// A route of a pod.
struct PodRoute {
  net::Cidr destination;
  std::optional<net::IpAddress> gateway;  ///< absent: that of the address the route comes with
  bool operator==(const PodRoute&) const = default;
};

/// An address of a pod, and what goes with it, all of one family.
struct PodAddress {
  net::Cidr address;
  std::optional<net::IpAddress> gateway;
  std::vector<PodRoute> routes;
  bool operator==(const PodAddress&) const = default;
};

/// How a pod is attached: the answer of cni.add, cni.check and cni.network.
struct PodNetwork {
  std::vector<PodAddress> addresses;  ///< IPv4 first. cni.check: none when the container holds none
  std::uint32_t mtu = 0;
  std::string bridge;
  bool guard = false;  ///< the node guards ports: say cni.guard before the pod's is up
  /// cni.add: names this call for cni.undo. 0: a daemon that does not know cni.undo.
  std::uint64_t attempt = 0;
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

/// To everywhere, by the gateway of the address that it comes with.
[[nodiscard]] PodRoute default_route(net::Family family);

[[nodiscard]] std::string to_json(const PodRequest& request);

[[nodiscard]] std::string to_json(const PodNetwork& network);
/// Errors: Errc::malformed; Errc::invalid, names the field.
[[nodiscard]] Result<PodNetwork> parse_pod_network(std::string_view text);

[[nodiscard]] std::string to_json(const PodPort& port);

/// The parameters of the command cni.attached: what is on the bridge now.
[[nodiscard]] std::string to_json(const events::PodAttached& pod);

/// A list of them, for the disk.
[[nodiscard]] std::string to_json(const std::vector<events::PodAttached>& pods);
/// Errors: as above.
[[nodiscard]] Result<std::vector<events::PodAttached>> parse_attached_pods(std::string_view text);

}  // namespace weft::cni
