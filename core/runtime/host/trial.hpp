#pragma once
/// A node that a tool looks into while it tries one plugin: the conformance kit.

#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include <weft/plugin.hpp>

#include "runtime/config/node_config.hpp"
#include "runtime/host/main_loop.hpp"
#include "runtime/host/node.hpp"
#include "runtime/host/plugin_state.hpp"
#include "runtime/lanes/lane_worker.hpp"

namespace weft::host {

class NodeCore;
class PluginInstance;

/// Loads, starts and stops like Node, without control socket and watchdog, and shows what the
/// plugins offer and leave behind. The subject is the last plugin that is listed; the others are
/// what it requires. Main thread.
class WEFT_EXPORT Trial {
 public:
  /// Everything that is wrong, or a trial that was not started yet.
  [[nodiscard]] static tl::expected<std::unique_ptr<Trial>, Complaints> create(
      config::NodeConfig config, std::shared_ptr<MainLoop> main, NodeOptions options);
  ~Trial();
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  /// Opens the node and starts every plugin. The first error ends it.
  [[nodiscard]] Result<> start();
  /// Returns once the subject's loop ran what was posted to it so far, or after `patience`.
  void settle(Duration patience);
  /// Stops the subject, and nothing else. Idempotent.
  void stop_subject();
  /// One clause for each thing of the stopped subject that is still there: subscriptions, control
  /// commands, work that waits on its loop (a timer, a socket operation).
  [[nodiscard]] std::vector<std::string> left_behind() const;

  [[nodiscard]] PluginStatus subject() const;
  /// How many plugins are in the node, the subject included.
  [[nodiscard]] std::size_t size() const noexcept { return plugins_.size(); }
  /// Of the subject; answered by `describe`.
  [[nodiscard]] const std::vector<ConfigField>& fields() const;
  [[nodiscard]] bool is_abandoned() const;

  // The host's own views, for whoever plays another plugin. On the host's loop.
  [[nodiscard]] Loop& loop();
  [[nodiscard]] Services& services();
  [[nodiscard]] Bus& bus();
  [[nodiscard]] Lanes& lanes();
  /// Of the first lane.
  [[nodiscard]] LaneStatistics lane_statistics() const;
  /// Runs `task` on the host's loop and waits. After start.
  void run_on_loop(Task task);

 private:
  struct Views;

  Trial(config::NodeConfig config, std::shared_ptr<MainLoop> main, NodeOptions options);

  [[nodiscard]] Complaints prepare();

  const config::NodeConfig config_;
  const NodeOptions options_;
  std::shared_ptr<NodeCore> core_;
  std::vector<std::shared_ptr<PluginInstance>> plugins_;  // in start order
  std::shared_ptr<PluginInstance> subject_;
  std::vector<std::string> commands_before_;  // the subject started; sorted
  std::unique_ptr<Views> views_;              // while open
  bool is_open_ = false;
};

}  // namespace weft::host
