/// Starts plugins that failed again: what they failed on, a port in use or a missing kernel module,
/// may have changed.

#include <algorithm>

#include "runtime/host/node.hpp"
#include "runtime/host/node_core.hpp"
#include "runtime/host/plugin_instance.hpp"

namespace weft::host {

void Node::failed(PluginInstance& plugin, const std::string& error, Duration ran) {
  const std::string& name = plugin.manifest().name;
  Log& log = core_->log("host");
  if (std::exchange(logged_failures_[name], error) != error) {
    log.error("plugin failed", "plugin", name, "error", error);
  } else {
    log.debug("plugin failed again", "plugin", name, "error", error);
  }
  plugin.stop(options_.stop_deadline);
  // What an abandoned plugin holds is not free before the process ends.
  if (!plugin.manifest().critical && !plugin.is_abandoned()) {
    plugin.set_next_attempt(retries_.failed(name, MainLoop::now(), ran));
  }
}

Node::Instance Node::find_instance(std::string_view name) const {
  const auto found = std::ranges::find_if(
      plugins_, [&](const Instance& plugin) { return plugin->manifest().name == name; });
  return found == plugins_.end() ? nullptr : *found;
}

Result<> Node::handle_retries() {
  const auto due = retries_.take_due(MainLoop::now());
  if (due.empty() || stop_requested_) {
    return {};
  }
  const State before = state_;
  renew_failed(due);
  for (const Instance& plugin : std::vector(plugins_)) {
    if (plugin->state() == PluginState::configured && retried_.contains(plugin->manifest().name)) {
      WEFT_TRY(start_plugin(*plugin));
    }
  }
  restart_users();
  WEFT_TRY(start_configured());
  judge_state();
  if (state_ == State::ready && before != State::ready) {
    announce();
  }
  return {};
}

/// Those that hold on to what one of them provided restart too. One that never came so far restarts
/// nobody.
void Node::renew_failed(const std::vector<std::string>& names) {
  std::set<std::string> services;
  std::map<std::string, std::string> reasons;
  for (const std::string& name : names) {
    const Instance plugin = find_instance(name);
    if (plugin == nullptr || plugin->state() != PluginState::failed) {
      continue;
    }
    reasons[name] = plugin->status().reason;
    if (plugin->has_provided()) {
      services.insert(plugin->manifest().provides.begin(), plugin->manifest().provides.end());
    }
  }
  const auto renewed = restart(reasons, std::move(services));
  for (const auto& [name, reason] : reasons) {
    const Instance plugin = find_instance(name);
    if (renewed) {
      plugin->postpone(reason);  // until it is known whether this attempt fails too
      retried_.insert(name);
    } else {
      plugin->refuse(renewed.error().front());
      failed(*plugin, renewed.error().front(), Duration::zero());
    }
  }
}

/// Before others start and hold on to the new instances.
void Node::restart_users() {
  std::set<std::string> services;
  for (const std::string& name : std::exchange(joined_, {})) {
    const Manifest& manifest = find_instance(name)->manifest();
    services.insert(manifest.provides.begin(), manifest.provides.end());
  }
  if (services.empty()) {
    return;
  }
  if (const auto restarted = restart({}, std::move(services)); !restarted) {
    core_->log("host").error("users of a plugin that runs again not restarted", "problem",
                             restarted.error().front());
  }
}

tl::expected<void, Complaints> Node::restart(const std::map<std::string, std::string>& reasons,
                                             std::set<std::string> services) {
  const ReloadPlan plan = plan_restarts(running_plugins(), reasons, std::move(services));
  if (!plan.changes_anything()) {
    return {};
  }
  auto plugins = make_plugins(config_, plan, {});
  if (!plugins) {
    return tl::unexpected(std::move(plugins).error());
  }
  end_plugins(plan);
  replace_plugins(*std::move(plugins));
  return {};
}

}  // namespace weft::host
