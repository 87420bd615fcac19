#pragma once
/// What the plugins of a node share: bus, services, lanes, metrics, control socket, store, and the
/// parts that come with the program.

#include <memory>
#include <string>

#include <weft/plugin.hpp>

#include "runtime/bus/bus_core.hpp"
#include "runtime/config/node_config.hpp"
#include "runtime/control/server.hpp"
#include "runtime/host/built_in.hpp"
#include "runtime/host/inspection.hpp"
#include "runtime/host/main_loop.hpp"
#include "runtime/lanes/lane_set.hpp"
#include "runtime/log/log_core.hpp"
#include "runtime/loop/blocking_pool.hpp"
#include "runtime/loop/thread_loop.hpp"
#include "runtime/metrics/registry.hpp"
#include "runtime/service/registry.hpp"
#include "runtime/store/sqlite_store.hpp"
#include "runtime/transport/resolver.hpp"

namespace weft::host {

/// Shared by the node and every plugin instance, so that a plugin that never returns keeps alive
/// what it may still touch. Constructing it touches nothing outside the process; `open` does.
class NodeCore {
 public:
  /// `name`: this peer's, found from `config` and the machine.
  NodeCore(const config::HostConfig& config, PeerName name, std::shared_ptr<MainLoop> main_loop);
  ~NodeCore();
  NodeCore(const NodeCore&) = delete;
  NodeCore& operator=(const NodeCore&) = delete;

  /// Makes the directories, opens the store, starts the lanes, the host's own services and
  /// `parts`.
  /// Main thread. Errors: the errno of whatever could not be made.
  [[nodiscard]] Result<> open(const BuiltInParts& parts);
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
  ThreadLoop loop;  ///< the host's own control code: control socket, store, built-in parts
  control::ControlServer control;
  SqliteStore store;

 private:
  /// Starts what serves plugins. On the host's loop.
  [[nodiscard]] Result<> provide(const BuiltInParts& parts);

  std::unique_ptr<BusView> bus_view_;
  std::unique_ptr<ServicesView> services_view_;
  std::unique_ptr<control::ControlView> control_view_;
  std::unique_ptr<Inspection> inspection_;
  std::vector<std::unique_ptr<BuiltIn>> parts_;
};

}  // namespace weft::host
