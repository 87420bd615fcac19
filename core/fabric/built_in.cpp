/// Puts dataplane and overlay switch together.

#include "fabric/built_in.hpp"

#include "fabric/dataplane.hpp"
#include "fabric/macs_page.hpp"
#include "fabric/overlay_switch.hpp"
#include "runtime/lanes/lane_set.hpp"

namespace weft::fabric {
namespace {

class Fabric final : public host::BuiltIn {
 public:
  explicit Fabric(const host::BuiltInContext& node)
      : services_(node.services),
        control_(node.control),
        loop_(node.loop),
        dataplane_(node.info.name, node.lanes, node.loop, node.bus, node.metrics,
                   node.log("dataplane")),
        overlay_switch_(node.services, dataplane_, node.log("overlay-switch"), node.metrics) {}

  Result<> start() override {
    WEFT_TRY(services_.provide<Dataplane>(dataplane_));
    WEFT_TRY(services_.provide<FlowPlanner>(dataplane_.planner()));
    WEFT_TRY(dataplane_.listen_to_lanes());
    WEFT_TRY(services_.provide<OverlaySwitch>(overlay_switch_));
    WEFT_TRY(macs_,
             control_.serve({"dataplane.macs",
                             "The MAC addresses that were seen, and behind which peer.",
                             "list of objects",
                             {{"Mac", "The address."},
                              {"Name", "The peer's name."},
                              {"LastSeen", "When a frame came from it last."}}},
                            [this](Reply<std::string> reply) {
                              reply(dataplane::macs_json(dataplane_.macs(), loop_.wall_now()));
                            }));
    return {};
  }

 private:
  Services& services_;
  Control& control_;
  Loop& loop_;
  DataplaneImpl dataplane_;
  OverlaySwitchImpl overlay_switch_;
  CommandRegistration macs_;
};

}  // namespace

host::BuiltInPart built_in() {
  return {{Dataplane::service, FlowPlanner::service, OverlaySwitch::service},
          [](const host::BuiltInContext& node) { return std::make_unique<Fabric>(node); }};
}

}  // namespace weft::fabric
