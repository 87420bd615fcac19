#pragma once
/// Control commands that show what the runtime does: lanes, metrics, and a tap on the bus.

#include <vector>

#include <weft/control.hpp>

#include "runtime/host/bus_taps.hpp"
#include "runtime/lanes/lane_set.hpp"
#include "runtime/metrics/registry.hpp"

namespace weft::host {

/// Serves "lanes", "metrics.values" and "bus.tap". Owned by NodeCore; used on
/// `loop`; what it is given outlives it.
class Inspection {
 public:
  Inspection(BusView& bus, const LaneSet& lanes, const MetricRegistry& metrics, Loop& loop);

  /// Errors: Errc::conflict.
  [[nodiscard]] Result<> serve(Control& control);

 private:
  const LaneSet& lanes_;
  const MetricRegistry& metrics_;
  BusTaps taps_;
  std::vector<CommandRegistration> commands_;  // last: their handlers use the rest
};

}  // namespace weft::host
