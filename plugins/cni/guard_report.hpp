#pragma once
/// What the guard of pods says to people: the answers of cni.guarded and cni.doctor.

#include <string>
#include <vector>

#include <weft/result.hpp>

#include "common/doctor/check.hpp"
#include "guard_table.hpp"
#include "pod_guard.hpp"

namespace weft::cni {

/// A JSON list of ports with the MAC and the addresses of their pods.
[[nodiscard]] std::string guarded_json(const std::vector<GuardedPod>& pods);

/// `is_wanted`: by the configuration. `error`: why the guard does not run although wanted.
[[nodiscard]] Result<std::vector<doctor::Check>> guard_checks(bool is_wanted,
                                                              const std::string& error,
                                                              PodGuard& guard);

}  // namespace weft::cni
