#pragma once
/// Runs a check where a crash or a hang is only a finding.

#include "check.hpp"

namespace weft::conformance {

/// Makes `check` in a process of its own, which is killed after the check's deadline.
[[nodiscard]] Outcome run_in_child(const Check& check, const Subject& subject);

}  // namespace weft::conformance
