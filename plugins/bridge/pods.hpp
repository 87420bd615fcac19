#pragma once
/// Which pods are on the bridge, from what the kernel has of them.

#include <string_view>
#include <vector>

#include <weft/result.hpp>
#include <weft/service/bridge.hpp>

namespace weft::bridge {

/// In the network namespace of the calling thread; one dump per port. What a pod's own namespace
/// does not show, because its runtime moved the addresses elsewhere, the guard of pods may know.
/// Errors: the kernel's.
[[nodiscard]] Result<std::vector<BridgePod>> find_pods(std::string_view bridge);

/// Also those whose port, a pod's by name or alias, is on no bridge at the moment, as after
/// somebody deleted it: they keep their addresses. Not those whose addresses are not to be seen, as
/// a pod in the making. Otherwise as find_pods.
[[nodiscard]] Result<std::vector<BridgePod>> find_all_pods(std::string_view bridge);

}  // namespace weft::bridge
