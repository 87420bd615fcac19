#pragma once
/// Control commands that show what the node's own parts do: lanes, metrics, the MAC addresses that
/// the dataplane knows, and a tap on the bus.

#include <vector>

#include "control/server.hpp"
#include "dataplane/dataplane.hpp"
#include "host/bus_taps.hpp"
#include "lanes/lane_set.hpp"
#include "metrics/registry.hpp"

namespace weft::host {

/// Serves "lanes", "metrics.values", "dataplane.macs" and "bus.tap". Owned by NodeCore; used on
/// `loop`; what it is given outlives it.
class Inspection {
 public:
  Inspection(BusView& bus, const LaneSet& lanes, const MetricRegistry& metrics,
             const DataplaneImpl& dataplane, Loop& loop);

  /// Errors: Errc::conflict.
  [[nodiscard]] Result<> serve(const control::ControlServer& control);

 private:
  const LaneSet& lanes_;
  const MetricRegistry& metrics_;
  const DataplaneImpl& dataplane_;
  Loop& loop_;
  BusTaps taps_;
  std::vector<CommandRegistration> commands_;  // last: their handlers use the rest
};

}  // namespace weft::host
