#pragma once
/// A node: every plugin of one configuration, from validation to ordered stop.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include <weft/events/node_trouble.hpp>
#include <weft/plugin.hpp>

#include "runtime/config/node_config.hpp"
#include "runtime/host/built_in.hpp"
#include "runtime/host/main_loop.hpp"
#include "runtime/host/manifest.hpp"
#include "runtime/host/plugin_state.hpp"
#include "runtime/host/reload_plan.hpp"
#include "runtime/host/retry_schedule.hpp"
#include "runtime/host/state_lock.hpp"
#include "runtime/host/watchdog.hpp"

namespace weft::host {

class NodeCore;
class PluginInstance;

struct NodeOptions {
  Duration start_deadline = std::chrono::seconds{10};
  Duration stop_deadline = std::chrono::seconds{5};
  /// Only look whether everything fits: nothing outside the process is touched.
  bool is_check = false;
  /// What comes with the program besides the runtime.
  BuiltInParts built_in{};
  /// Told on the main thread how the node stands: once `start` is through, and when that changed.
  std::function<void(bool is_ready, const std::string& summary)> on_change{};
};

/// Why a node could not be assembled: one line each, never empty.
using Complaints = std::vector<std::string>;

void append(Complaints& to, Complaints from);

/// Owned by the program; main thread. Destroying it stops what still runs.
class WEFT_EXPORT Node {
 public:
  enum class State : std::uint8_t { starting, ready, degraded, stopping };
  [[nodiscard]] static std::string_view to_string(State state) noexcept;

  /// Reads every manifest, orders the plugins, loads their code and binds their configuration.
  /// All of that fits, or nothing has been started and everything wrong is told.
  [[nodiscard]] static tl::expected<std::unique_ptr<Node>, Complaints> create(
      config::NodeConfig config, std::shared_ptr<MainLoop> main, NodeOptions options = {});
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Starts the plugins in order. A plugin that fails leaves the node degraded, and those that
  /// require it wait until it runs: it is started again, in `run`, with growing waits. A critical
  /// one, or the host's own part, stops the node and is the error. One that is not done by its
  /// deadline leaves the node degraded until it is, in `run`, and those that require it wait; a
  /// critical one has failed. A stop asked for meanwhile ends it early, without error.
  [[nodiscard]] Result<> start();
  /// Says in the log that the node is ready, or degraded and why.
  void announce();
  /// Runs until a stop is asked for or a critical plugin fails, which is the error.
  [[nodiscard]] Result<> run();
  /// Stops all plugins in reverse order, then the host. Idempotent.
  void stop();

  /// Ends `start` and `run`. On the main thread, also from within them.
  void request_stop() noexcept { stop_requested_ = true; }

  using ReloadReply = UniqueFunction<void(Result<Reloaded>)>;

  /// Has `run` read the configuration file again and change what it says has changed: plugins
  /// whose tables differ, that failed, or that are in `forced` are restarted, others started or
  /// stopped. Everything is checked first; after an error nothing was changed. Main thread.
  /// Errors: Errc::invalid with every complaint, a line each. Dropped when the node stops.
  void request_reload(std::set<std::string> forced, ReloadReply reply);

  [[nodiscard]] State state() const noexcept { return state_; }
  /// In start order. Any thread.
  [[nodiscard]] std::vector<PluginStatus> statuses() const;

 private:
  using Instance = std::shared_ptr<PluginInstance>;

  Node(config::NodeConfig config, PeerName name, std::shared_ptr<MainLoop> main,
       NodeOptions options);

  /// The plugin called `name` in its file's words: nothing of it has run.
  [[nodiscard]] Result<std::shared_ptr<PluginInstance>> find_plugin(
      const std::string& name, const std::vector<std::string>& path);
  [[nodiscard]] Complaints discover();
  [[nodiscard]] Complaints load();
  [[nodiscard]] Complaints configure();
  [[nodiscard]] Complaints validate();
  [[nodiscard]] Result<> open();
  void doubt_store();
  [[nodiscard]] std::vector<std::string> warnings() const;
  /// Stops plugins that failed. The error of the first critical one.
  [[nodiscard]] Result<> handle_failures();
  [[nodiscard]] Result<> serve_commands();
  [[nodiscard]] Result<> serve_pages();
  [[nodiscard]] Result<> serve_reload();
  void reload_for(std::set<std::string> forced, Reply<std::string> reply);
  void tend_store();
  [[nodiscard]] std::string short_of_space() const;
  void watch();

  // node_start.cpp
  /// A required interface whose provider does not run.
  struct MissingProvider {
    std::string text;  ///< for people
    bool has_failed = false;
  };
  /// Starts, in order, what is configured and whose providers run. The error of a critical plugin.
  [[nodiscard]] Result<> start_configured();
  [[nodiscard]] Result<> start_plugin(PluginInstance& plugin);
  /// Tells of a start that has ended, and stops the plugin if it failed.
  [[nodiscard]] Result<> started(PluginInstance& plugin, const Result<>& outcome);
  [[nodiscard]] bool has_late_start() const;
  /// Takes in plugins that started after their deadline, and starts what waited for them.
  [[nodiscard]] Result<> handle_late_starts();
  [[nodiscard]] std::optional<MissingProvider> missing_provider(const Manifest& manifest) const;
  /// ready, or degraded when a plugin does not run or is in trouble.
  void judge_state();
  void set_trouble(const events::NodeTrouble& trouble);
  [[nodiscard]] Troubles troubles() const;
  /// "ready", or each plugin that does not run and why, and what else is in trouble.
  [[nodiscard]] std::string summary() const;

  // node_retry.cpp
  /// Says in the log what failed, stops the plugin, and sets the time of the next attempt.
  void failed(PluginInstance& plugin, const std::string& error, Duration ran);
  /// Of plugins_; null when none has that name.
  [[nodiscard]] Instance find_instance(std::string_view name) const;
  /// Starts plugins whose time has come again. Those that hold on to one of their services restart
  /// then. The error of a critical one of those.
  [[nodiscard]] Result<> handle_retries();
  /// New instances take the places of plugins that failed.
  void renew_failed(const std::vector<std::string>& names);
  /// Restarts the plugins that hold on to a service of one in `joined_`.
  void restart_users();
  /// Replaces the plugins in `reasons` and those that hold on to one of `services`.
  [[nodiscard]] tl::expected<void, Complaints> restart(
      const std::map<std::string, std::string>& reasons, std::set<std::string> services);

  // node_reload.cpp
  /// A plugin set that was checked as a whole.
  struct Successor {
    config::NodeConfig config;
    ReloadPlan plan;
    std::vector<Instance> plugins;  ///< in start order: those that stay and new ones
  };
  struct ReloadRequest {
    std::set<std::string> forced;
    ReloadReply reply;
  };
  /// The error of a critical plugin that did not start.
  [[nodiscard]] Result<> handle_reloads();
  [[nodiscard]] tl::expected<Successor, Complaints> prepare(const std::set<std::string>& forced);
  [[nodiscard]] tl::expected<std::vector<Instance>, Complaints> make_plugins(
      const config::NodeConfig& next, const ReloadPlan& plan,
      const std::map<std::string, Instance>& added);
  void end_plugins(const ReloadPlan& plan);
  [[nodiscard]] std::vector<RunningPlugin> running_plugins() const;
  /// The plugins that stay and follow a service whose provider changed.
  [[nodiscard]] std::vector<std::string> told(const ReloadPlan& plan) const;
  void replace_plugins(std::vector<Instance> plugins);
  void dismiss(std::vector<Instance> plugins);

  config::NodeConfig config_;
  const NodeOptions options_;
  const std::shared_ptr<MainLoop> main_;
  std::optional<StateLock> state_lock_;  // empty: in a check, or where it cannot be had
  std::shared_ptr<NodeCore> core_;
  mutable std::mutex plugins_mutex_;  // the main thread changes the next two, others read them
  Troubles troubles_;
  std::vector<Instance> plugins_;        // in start order
  std::vector<Instance> lingering_;      // replaced, but somebody may still use them
  std::vector<PluginInstance*> failed_;  // at run time, not yet dealt with
  std::vector<ReloadRequest> reloads_;   // asked for, not yet dealt with
  RetrySchedule retries_;
  std::set<std::string> retried_;  // plugins that were started again and have not said how it went
  std::set<std::string> joined_;   // plugins that run again; their users have yet to restart
  std::map<std::string, std::string> logged_failures_;  // by plugin: those that last
  std::string told_summary_;                            // what on_change was told last
  std::atomic<State> state_{State::starting};
  bool stop_requested_ = false;
  bool is_open_ = false;
  bool has_stopped_ = false;
  bool ran_before_ = false;
  std::uint64_t store_made_again_ = 0;  // times, as last seen
  std::string shortage_said_;           // of space, as last logged
  std::vector<std::string> warnings_;   // complete before commands are served
  const TimePoint created_ = MainLoop::now();
  std::map<std::string, Heartbeat> heartbeats_;   // by plugin
  std::map<std::string, TimePoint> start_times_;  // by plugin
  std::vector<CommandRegistration> commands_;     // used on the host's loop
  Subscription troubles_heard_;                   // too
  std::shared_ptr<void> watchdog_;                // last: gone before what it looks at
};

}  // namespace weft::host
