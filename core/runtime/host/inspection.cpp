/// Registers the commands and answers them with JSON.

#include "runtime/host/inspection.hpp"

#include <utility>

#include "runtime/host/status.hpp"

namespace weft::host {

Inspection::Inspection(BusView& bus, const LaneSet& lanes, const MetricRegistry& metrics,
                       Loop& loop)
    : lanes_(lanes), metrics_(metrics), taps_(bus, loop) {}

Result<> Inspection::serve(Control& control) {
  const auto add = [&](std::string name, Control::Handler handler) -> Result<> {
    auto registration = control.serve(std::move(name), std::move(handler));
    if (!registration) {
      return tl::unexpected(std::move(registration).error());
    }
    commands_.push_back(*std::move(registration));
    return {};
  };
  WEFT_TRY(add("lanes", [this](const std::string& /*params*/, Reply<std::string> reply) {
    reply(lanes_json(lanes_.statistics()));
  }));
  WEFT_TRY(add("metrics.values", [this](const std::string& /*params*/, Reply<std::string> reply) {
    reply(metrics_json(metrics_.readings()));
  }));
  return add("bus.tap", [this](const std::string& params, Reply<std::string> reply) {
    taps_.handle(params, std::move(reply));
  });
}

}  // namespace weft::host
