/// Puts dataplane and overlay switch together.

#include "fabric/built_in.hpp"

#include <weft/page.hpp>

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
    WEFT_TRY(macs_, control_.serve({"dataplane.macs",
                                    "The MAC addresses that were seen, and behind which peer.",
                                    "list of objects",
                                    {{"Mac", "The address."},
                                     {"Name", "The peer's name."},
                                     {"NickName", "The peer's, for people."},
                                     {"LastSeen", "When a frame came from it last."}}},
                                   [this](Reply<std::string> reply) { reply(macs()); }));
    WEFT_TRY(report_,
             control_.serve(report_addition("Router", "dataplane",
                                            {{"MACs", "As dataplane.macs; null: none."}}),
                            [this](Reply<std::string> reply) {
                              const std::string list = macs();
                              reply(JsonObject().json("MACs", list == "[]" ? "null" : list).take());
                            }));
    return {};
  }

 private:
  [[nodiscard]] std::string macs() const {
    return dataplane::macs_json(dataplane_.macs(), loop_.wall_now(),
                                [this](PeerName peer) { return dataplane_.nickname_of(peer); });
  }

  Services& services_;
  Control& control_;
  Loop& loop_;
  DataplaneImpl dataplane_;
  OverlaySwitchImpl overlay_switch_;
  CommandRegistration macs_;
  CommandRegistration report_;
};

}  // namespace

host::BuiltInPart built_in() {
  return {{Dataplane::service, FlowPlanner::service, OverlaySwitch::service},
          [](const host::BuiltInContext& node) { return std::make_unique<Fabric>(node); }};
}

}  // namespace weft::fabric
