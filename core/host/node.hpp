#pragma once
/// A node: every plugin of one configuration, from validation to ordered stop.

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include <weft/plugin.hpp>

#include "config/node_config.hpp"
#include "host/main_loop.hpp"
#include "host/manifest.hpp"
#include "host/plugin_state.hpp"
#include "host/watchdog.hpp"

namespace weft::host {

class NodeCore;
class PluginInstance;

struct NodeOptions {
  Duration start_deadline = std::chrono::seconds{10};
  Duration stop_deadline = std::chrono::seconds{5};
  /// Only look whether everything fits: nothing outside the process is touched.
  bool is_check = false;
};

/// What a node is made of could not be brought together; one line each, never empty.
using Complaints = std::vector<std::string>;

/// Owned by the program; main thread. Destroying it stops what still runs.
class WEFT_EXPORT Node {
 public:
  enum class State : std::uint8_t { starting, ready, degraded, stopping };

  /// Reads every manifest, orders the plugins, loads their code and binds their configuration.
  /// All of that fits, or nothing has been started and everything wrong is told.
  [[nodiscard]] static tl::expected<std::unique_ptr<Node>, Complaints> create(
      config::NodeConfig config, std::shared_ptr<MainLoop> main, NodeOptions options = {});
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Starts the plugins in order. A plugin that fails leaves the node degraded and takes along
  /// those that require it; a critical one, or the host's own part, stops the node and is the
  /// error. A stop asked for meanwhile ends it early, without error.
  [[nodiscard]] Result<> start();
  /// Says in the log that the node is ready, or degraded and why.
  void announce();
  /// Runs until a stop is asked for or a critical plugin fails, which is the error.
  [[nodiscard]] Result<> run();
  /// Stops all plugins in reverse order, then the host. Idempotent.
  void stop();

  /// Ends `start` and `run`. On the main thread, also from within them.
  void request_stop() noexcept { stop_requested_ = true; }

  [[nodiscard]] State state() const noexcept { return state_; }
  /// In start order. Any thread.
  [[nodiscard]] std::vector<PluginStatus> statuses() const;

 private:
  Node(config::NodeConfig config, NodeInfo info, std::shared_ptr<MainLoop> main,
       NodeOptions options);

  [[nodiscard]] Complaints discover();
  [[nodiscard]] Complaints load();
  [[nodiscard]] Complaints configure();
  [[nodiscard]] Complaints validate();
  [[nodiscard]] Result<> open();
  [[nodiscard]] Result<> start_plugin(PluginInstance& plugin);
  /// The first required interface whose provider does not run, for people.
  [[nodiscard]] std::optional<std::string> missing_provider(const Manifest& manifest) const;
  /// Stops plugins that failed. The error of the first critical one.
  [[nodiscard]] Result<> handle_failures();
  [[nodiscard]] Result<> serve_commands();
  void watch();

  const config::NodeConfig config_;
  const NodeOptions options_;
  const std::shared_ptr<MainLoop> main_;
  std::shared_ptr<NodeCore> core_;
  std::vector<std::shared_ptr<PluginInstance>> plugins_;  // in start order
  std::vector<PluginInstance*> failed_;                   // at run time, not yet dealt with
  std::atomic<State> state_{State::starting};
  bool stop_requested_ = false;
  bool is_open_ = false;
  bool has_stopped_ = false;
  const TimePoint created_ = MainLoop::now();
  std::map<std::string, Heartbeat> heartbeats_;  // by plugin
  std::vector<CommandRegistration> commands_;    // used on the host's loop
  std::shared_ptr<void> watchdog_;               // last: gone before what it looks at
};

}  // namespace weft::host
