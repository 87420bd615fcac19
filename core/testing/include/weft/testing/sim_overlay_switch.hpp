#pragma once
/// An overlay switch without a dataplane: one overlay, whose proof of life is a control message
/// each way over the mesh connection itself.

#include <memory>
#include <string>
#include <vector>

#include <weft/service/overlay.hpp>

namespace weft::testing {

/// Provides weft.overlay-switch/1 in simulations. A connection is established when the remote's
/// "connection established" (sub-tag 1) arrives, which it sends when it is confirmed.
class SimOverlaySwitch final : public OverlaySwitch {
 public:
  [[nodiscard]] std::vector<std::string> overlays() const override { return {"sleeve"}; }

  [[nodiscard]] Result<std::unique_ptr<SwitchedConnection>> prepare(
      const OverlayLink& link, const std::vector<std::string>& remote_overlays, Loop& loop,
      SwitchCallbacks callbacks) override;
};

}  // namespace weft::testing
