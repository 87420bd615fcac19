#pragma once
/// Runs all overlays that two peers have in common, and keeps the best one in use.

#include <memory>
#include <string>
#include <vector>

#include <weft/export.hpp>
#include <weft/log.hpp>
#include <weft/metrics.hpp>
#include <weft/service.hpp>
#include <weft/service/overlay.hpp>

#include "dataplane/forwarder_directory.hpp"

namespace weft {

/// Provides weft.overlay-switch/1. Owned by the host. Everything here and in the connections it
/// makes happens on the mesh's loop; what overlays report from other threads is posted there.
///
/// Source: weaveworks/weave router/overlay_switch.go.
class WEFT_EXPORT OverlaySwitchImpl final : public OverlaySwitch {
 public:
  /// `services` must see every provider of weft.overlay/1; it is asked anew for each connection.
  OverlaySwitchImpl(Services& services, dataplane::ForwarderDirectory& directory, Log& log,
                    Metrics& metrics);

  [[nodiscard]] std::vector<std::string> overlays() const override;
  [[nodiscard]] Result<std::unique_ptr<SwitchedConnection>> prepare(
      const OverlayLink& link, const std::optional<std::vector<std::string>>& remote_overlays,
      Loop& loop, SwitchCallbacks callbacks) override;

 private:
  [[nodiscard]] std::vector<Overlay*> by_preference() const;

  Services& services_;
  dataplane::ForwarderDirectory& directory_;
  Log& log_;
  Counter& malformed_;
};

}  // namespace weft
