#pragma once
/// Tells everybody which pods are attached.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <weft/bus.hpp>
#include <weft/bytes.hpp>
#include <weft/events/pod.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/reply.hpp>
#include <weft/service/store.hpp>

#include "common/attachment/attachment.hpp"
#include "host_ports.hpp"
#include "stored_value.hpp"

namespace weft::cni {

/// Publishes events::PodAttached for each pod, and keeps them on disk, so that a restart publishes
/// them again for the pods whose ports are still there.
///
/// Owned by the plugin; on its loop. Outlives its requests: the loop is drained before it goes.
class AttachedPods {
 public:
  AttachedPods(Loop& loop, Log& log, Bus& bus, HostProbe& probe);

  /// Reads what was attached, and publishes what still is. `store` outlives this object. Once.
  void start(Store& store);
  void stop() noexcept;

  /// Publishes the pod; replaces what was said of it before. The reply comes when it is on disk,
  /// too. Errors: the store's; the pod is published all the same, until its port is gone.
  void attach(events::PodAttached pod, Reply<> reply);
  /// It is detached. Nothing happens when it was not attached.
  void detach(const AttachmentId& attachment);

  /// That interface of the host went away; empty: some did.
  void link_gone(std::string_view name);

 private:
  void loaded(const std::optional<Bytes>& value);
  void compare();
  void say_gone(events::PodAttached pod);

  Loop& loop_;
  Log& log_;
  Bus& bus_;
  HostProbe& probe_;
  StoredValue stored_;
  std::map<std::string, events::PodAttached> pods_;  // by key
  bool is_look_pending_ = false;
  Timer look_timer_;
};

}  // namespace weft::cni
