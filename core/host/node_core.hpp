#pragma once
/// What the plugins of a node share: bus, services, lanes, metrics, control socket, store,
/// dataplane.

#include <memory>
#include <string>

#include <weft/plugin.hpp>

#include "bus/bus_core.hpp"
#include "config/node_config.hpp"
#include "control/server.hpp"
#include "dataplane/dataplane.hpp"
#include "dataplane/overlay_switch.hpp"
#include "host/inspection.hpp"
#include "host/main_loop.hpp"
#include "lanes/lane_set.hpp"
#include "log/log_core.hpp"
#include "loop/blocking_pool.hpp"
#include "loop/thread_loop.hpp"
#include "metrics/registry.hpp"
#include "service/registry.hpp"
#include "store/sqlite_store.hpp"
#include "transport/resolver.hpp"

namespace weft::host {

/// Shared by the node and every plugin instance, so that a plugin that never returns keeps alive
/// what it may still touch. Constructing it touches nothing outside the process; `open` does.
class NodeCore {
 public:
  NodeCore(const config::HostConfig& config, NodeInfo node, std::shared_ptr<MainLoop> main_loop);
  ~NodeCore();
  NodeCore(const NodeCore&) = delete;
  NodeCore& operator=(const NodeCore&) = delete;

  /// Makes the directories, opens the store, starts the lanes and the host's own services.
  /// Main thread. Errors: the errno of whatever could not be made.
  [[nodiscard]] Result<> open();
  /// Runs `task` on the host's loop and waits. Between open and close.
  void run_on_loop(Task task);
  /// The host's own view of the bus. On the host's loop, between open and close.
  [[nodiscard]] Bus& host_bus() noexcept { return *bus_view_; }
  /// Begins to answer on the control socket.
  [[nodiscard]] Result<> open_control_socket();
  void close_control_socket();
  /// After every plugin was destroyed: the reverse of open.
  void close();

  /// The log called `name`; the same object each time.
  [[nodiscard]] Log& log(const std::string& name) { return logs.log(name); }

  // In the order of construction: each uses only what stands above it.
  const NodeInfo info;
  const std::shared_ptr<MainLoop> main;
  LogCore logs;
  MetricRegistry metrics;
  BlockingPool blocking;
  Resolver resolver;
  LaneSet lanes;
  BusCore bus;
  ServiceRegistry services;
  ThreadLoop loop;  ///< the host's own control code: control socket, store, dataplane timers
  control::ControlServer control;
  SqliteStore store;

 private:
  std::unique_ptr<BusView> bus_view_;
  std::unique_ptr<ServicesView> services_view_;
  std::unique_ptr<DataplaneImpl> dataplane_;
  std::unique_ptr<OverlaySwitchImpl> overlay_switch_;
  std::unique_ptr<Inspection> inspection_;
};

}  // namespace weft::host
