/// Registers the commands and answers them with JSON.

#include "host/inspection.hpp"

#include <utility>

#include "host/status.hpp"

namespace weft::host {

Inspection::Inspection(BusView& bus, const LaneSet& lanes, const MetricRegistry& metrics,
                       const DataplaneImpl& dataplane, Loop& loop)
    : lanes_(lanes), metrics_(metrics), dataplane_(dataplane), loop_(loop), taps_(bus, loop) {}

Result<> Inspection::serve(const control::ControlServer& control) {
  control::ControlView view = control.view(loop_);
  const auto add = [&](std::string name, Control::Handler handler) -> Result<> {
    auto registration = view.serve(std::move(name), std::move(handler));
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
  WEFT_TRY(add("dataplane.macs", [this](const std::string& /*params*/, Reply<std::string> reply) {
    reply(macs_json(dataplane_.macs(), loop_.wall_now()));
  }));
  return add("bus.tap", [this](const std::string& params, Reply<std::string> reply) {
    taps_.handle(params, std::move(reply));
  });
}

}  // namespace weft::host
