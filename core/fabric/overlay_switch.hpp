#pragma once
/// Runs all overlays that two peers have in common, and keeps the best one in use.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <weft/export.hpp>
#include <weft/log.hpp>
#include <weft/metrics.hpp>
#include <weft/service.hpp>
#include <weft/service/overlay.hpp>

#include "fabric/forwarder_directory.hpp"

namespace weft {

/// Provides weft.overlay-switch/1. Owned by the host. Everything here and in the connections it
/// makes happens on the mesh's loop; what overlays report from other threads is posted there.
///
/// Source: weaveworks/weave router/overlay_switch.go.
class WEFT_EXPORT OverlaySwitchImpl final : public OverlaySwitch {
 public:
  /// `services` must see every provider of weft.overlay/1; it is asked anew for each connection,
  /// and followed: connections let go of an overlay before it stops.
  OverlaySwitchImpl(Services& services, dataplane::ForwarderDirectory& directory, Log& log,
                    Metrics& metrics);

  [[nodiscard]] std::vector<std::string> overlays() const override;
  [[nodiscard]] Result<std::unique_ptr<SwitchedConnection>> prepare(
      const OverlayLink& link, const std::vector<std::string>& remote_overlays, Loop& loop,
      SwitchCallbacks callbacks) override;

  /// One peer's overlays and the one in use.
  class Connection;

 private:
  [[nodiscard]] std::vector<Overlay*> by_preference() const;
  /// Has every connection drop the overlays that are no longer provided.
  void let_go(const ServiceHold& hold);

  Services& services_;
  dataplane::ForwarderDirectory& directory_;
  Log& log_;
  Counter& malformed_;
  std::mutex mutex_;
  std::vector<std::weak_ptr<Connection>> connections_;  // some may have ended
  Following overlays_;                                  // last: its calls use what stands above
};

}  // namespace weft
