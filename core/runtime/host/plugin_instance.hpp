#pragma once
/// One plugin in this process: its loop, its views of the node, and the steps of its life.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <weft/plugin.hpp>

#include "runtime/config/toml.hpp"
#include "runtime/host/loader.hpp"
#include "runtime/host/main_loop.hpp"
#include "runtime/host/manifest.hpp"
#include "runtime/host/node_core.hpp"
#include "runtime/host/plugin_lanes.hpp"
#include "runtime/host/plugin_state.hpp"
#include "runtime/loop/thread_loop.hpp"
#include "runtime/transport/asio_transport.hpp"

namespace weft::host {

/// The Host of one plugin, and the plugin. Steps are called on the main thread, in order, each
/// waiting for the plugin's loop up to its deadline. A plugin that does not return in time is
/// abandoned: its thread, this object and the node's core are then kept until the process ends.
class PluginInstance final : public Host, public std::enable_shared_from_this<PluginInstance> {
 public:
  /// Told on the main thread that a started plugin failed.
  using FailureHandler = std::function<void(PluginInstance&)>;

  PluginInstance(std::shared_ptr<NodeCore> core, Manifest manifest, std::string path,
                 FailureHandler on_failure);
  ~PluginInstance();
  PluginInstance(const PluginInstance&) = delete;
  PluginInstance& operator=(const PluginInstance&) = delete;

  /// A new instance of the same plugin and library, neither configured nor started: code is
  /// loaded once, and upgraded by restarting the process.
  [[nodiscard]] std::shared_ptr<PluginInstance> renew() const;

  /// Checks the file and the manifest's version and stamp: no code of it has run.
  [[nodiscard]] Result<> verify();
  /// Maps the code. Errors: those of Library::load.
  [[nodiscard]] Result<> load();
  /// Whether that will do no harm to a process that must go on. Errors: those of Library::try_out.
  [[nodiscard]] Result<> try_out() const { return Library::try_out(path_); }
  /// Constructs the plugin, asks for its fields and binds `table` to them. Everything that is
  /// wrong, or nothing.
  [[nodiscard]] std::vector<std::string> configure(const config::Table& table,
                                                   const std::string& file, Duration deadline);
  /// Errors: what the plugin's start answered; Errc::timeout when it did not answer in time. It may
  /// still do so: then `has_start_returned` and `finish_start` says how it ended.
  [[nodiscard]] Result<> start(Duration deadline);
  /// Whether a start that was late has come to its end.
  [[nodiscard]] bool has_start_returned() const;
  [[nodiscard]] Result<> finish_start();
  /// Nobody finds its services any more, though those who have them may go on using them.
  void withdraw() noexcept { services_->withdraw(); }
  /// Takes the plugin off the lanes, stops it, drains its loop and ends its thread. The plugin
  /// itself stays, so that what others still hold of it stays valid: calls answer Errc::abandoned.
  /// Idempotent.
  void stop(Duration deadline);
  /// After stop: destroys the plugin, what waits on its loop and what it published.
  void destroy();

  /// Marks a plugin that was not started as failed.
  void refuse(std::string reason);
  /// Says why a configured plugin is not started yet.
  void postpone(std::string reason);
  /// Says when a failed plugin is started again.
  void set_next_attempt(TimePoint at);

  [[nodiscard]] const Manifest& manifest() const noexcept { return manifest_; }
  [[nodiscard]] const std::vector<ConfigField>& fields() const noexcept { return schema_.fields(); }
  [[nodiscard]] ThreadLoop& thread_loop() noexcept { return loop_; }
  /// Whether the plugin may hold on to a provider of `service`. Any thread.
  [[nodiscard]] bool is_pinned(std::string_view service) const {
    return services_->is_pinned(service);
  }
  /// Whether others may have found one of its services. Any thread.
  [[nodiscard]] bool has_provided() const noexcept { return services_->has_provided(); }
  [[nodiscard]] bool is_abandoned() const noexcept { return abandoned_self_ != nullptr; }
  /// Any thread.
  [[nodiscard]] PluginStatus status() const;
  [[nodiscard]] PluginState state() const;

  [[nodiscard]] Loop& loop() noexcept override { return loop_; }
  [[nodiscard]] Transport& transport() noexcept override { return transport_; }
  [[nodiscard]] Bus& bus() noexcept override { return *bus_; }
  [[nodiscard]] Services& services() noexcept override { return *services_; }
  [[nodiscard]] Log& log() noexcept override { return log_; }
  [[nodiscard]] Metrics& metrics() noexcept override { return core_->metrics; }
  [[nodiscard]] Lanes& lanes() noexcept override { return lanes_; }
  [[nodiscard]] Control& control() noexcept override { return control_; }
  [[nodiscard]] const NodeInfo& node() const noexcept override { return core_->info; }
  /// Any thread. The first failure counts.
  void fail(Error error) noexcept override;

 private:
  using Step = UniqueFunction<Result<>()>;
  using Outcome = std::shared_ptr<std::optional<Result<>>>;

  /// Runs `step` on the plugin's loop. The outcome is there when it has ended.
  [[nodiscard]] Outcome begin(const char* name, Step step);
  /// Runs `step` on the plugin's loop. Nothing when it did not end within `deadline`.
  [[nodiscard]] std::optional<Result<>> run(const char* name, Duration deadline, Step step);
  /// Whether the destructor returned in time.
  [[nodiscard]] bool run_destructor(Plugin* plugin);
  void set_state(PluginState state);
  void set_reason(std::string reason);
  void set_failed(const std::string& reason);
  [[nodiscard]] std::string missing_rights(const std::error_code& code) const;
  void abandon(const char* step, Duration deadline);

  const std::shared_ptr<NodeCore> core_;
  const Manifest manifest_;
  const std::string path_;
  const FailureHandler on_failure_;
  Log& log_;
  ThreadLoop loop_;
  AsioTransport transport_;
  std::unique_ptr<BusView> bus_;
  std::unique_ptr<ServicesView> services_;
  PluginLanes lanes_;
  control::ControlView control_;

  mutable std::mutex mutex_;  // guards the next four
  PluginState state_ = PluginState::discovered;
  std::string reason_;
  std::optional<Error> failure_;
  std::optional<TimePoint> next_attempt_;

  std::shared_ptr<const Library> library_;  // of every instance of this plugin
  Plugin* plugin_ = nullptr;                // made and freed by the library's functions
  Schema schema_;                           // refers to the plugin's members
  Outcome start_outcome_;                   // set: it was started
  bool has_ended_ = false;
  std::shared_ptr<PluginInstance> abandoned_self_;  // set: never destroyed
};

}  // namespace weft::host
