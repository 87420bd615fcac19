#pragma once
/// The control commands of weft-cni: what they take and answer. What both sides mean by it is in
/// common/attachment/exchange.hpp.

#include <cstdint>
#include <string>
#include <vector>

#include <weft/control.hpp>
#include <weft/events/pod.hpp>

#include "common/attachment/exchange.hpp"

namespace weft::cni {

/// Of cni.add, cni.check, cni.network, cni.undo and cni.release.
struct PodParameters {
  PodRequest request;
  std::int64_t attempt = 0;

  void describe(Schema& schema);
  [[nodiscard]] Result<> validate();
};

/// Of cni.guard.
struct PortParameters {
  PodPort port;
  std::string mac;
  std::vector<std::string> addresses;

  void describe(Schema& schema);
  [[nodiscard]] Result<> validate();
};

/// Of cni.attached.
struct AttachedParameters {
  events::PodAttached pod;
  std::string mac;
  std::string port_mac;

  void describe(Schema& schema);
  [[nodiscard]] Result<> validate();
};

[[nodiscard]] CommandInfo add_command();
[[nodiscard]] CommandInfo attached_command();
[[nodiscard]] CommandInfo check_command();
[[nodiscard]] CommandInfo network_command();
[[nodiscard]] CommandInfo undo_command();
[[nodiscard]] CommandInfo release_command();
[[nodiscard]] CommandInfo guard_command();
[[nodiscard]] CommandInfo guarded_command();
[[nodiscard]] CommandInfo status_command();

}  // namespace weft::cni
