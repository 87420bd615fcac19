#pragma once
/// Control commands that show what the runtime does: lanes and metrics.

#include <vector>

#include <weft/control.hpp>

#include "runtime/lanes/lane_set.hpp"
#include "runtime/metrics/registry.hpp"

namespace weft::host {

/// Serves "lanes" and "metrics.values". Owned by NodeCore; what it is given outlives it.
class Inspection {
 public:
  Inspection(const LaneSet& lanes, const MetricRegistry& metrics);

  /// Errors: Errc::conflict.
  [[nodiscard]] Result<> serve(Control& control);

 private:
  const LaneSet& lanes_;
  const MetricRegistry& metrics_;
  std::vector<CommandRegistration> commands_;  // last: their handlers use the rest
};

}  // namespace weft::host
