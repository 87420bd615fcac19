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

/// The pod's routes: those of the IPAM result, each by its own gateway or `gateway`; without any,
/// the default route, preceded by a route to a gateway that is not on the pod's own network.
/// Source: weaveworks/weave plugin/net/cni.go.
[[nodiscard]] std::vector<PodRoute> pod_routes(const net::Cidr& address,
                                               const std::vector<PodRoute>& from_ipam,
                                               const std::optional<net::IpAddress>& gateway);

}  // namespace weft::cni
