#pragma once
/// ADD, DEL and CHECK.

#include <string>
#include <string_view>

#include "environment.hpp"
#include "failure.hpp"
#include "network_config.hpp"

namespace weft::cni {

/// Runs the command of `invocation`, in the role of an interface plugin or of an IPAM plugin, and
/// answers what to print. `config_text` is what `config` was read from, for delegates.
[[nodiscard]] Outcome<std::string> run_interface_command(const Invocation& invocation,
                                                         const NetworkConfig& config,
                                                         std::string_view config_text);
[[nodiscard]] Outcome<std::string> run_ipam_command(const Invocation& invocation,
                                                    const NetworkConfig& config);

/// The pod's addresses as the configuration wants them: its gateway and, in a family for which it
/// has any, its routes take the place of the daemon's.
[[nodiscard]] std::vector<PodAddress> configured(std::vector<PodAddress> addresses,
                                                 const IpamConfig& config);

/// The pod's addresses as another IPAM plugin gave them. A family without routes has the default
/// route; an address without gateway has the one that the daemon found for it.
[[nodiscard]] std::vector<PodAddress> delegated(const PodResult& given,
                                                const std::vector<PodAddress>& found);

/// The pod's routes: each by its own gateway or that of its address, preceded by a route to the
/// gateway when that is not on the pod's own network. A route without any gateway is on the link.
/// Source: weaveworks/weave plugin/net/cni.go.
[[nodiscard]] std::vector<PodRoute> pod_routes(const std::vector<PodAddress>& addresses);

}  // namespace weft::cni
