/// Starts plugins in order. One that is slow, as a kernel that loads modules makes it, or that
/// fails, holds up those that require it, and nobody else.

#include <algorithm>

#include <fmt/core.h>

#include "runtime/host/node.hpp"
#include "runtime/host/node_core.hpp"
#include "runtime/host/plugin_instance.hpp"

namespace weft::host {

Result<> Node::start_configured() {
  for (const auto& plugin : plugins_) {
    if (stop_requested_) {
      return {};
    }
    if (plugin->state() == PluginState::configured) {
      WEFT_TRY(start_plugin(*plugin));
    }
  }
  return {};
}

Result<> Node::start_plugin(PluginInstance& plugin) {
  const std::string& name = plugin.manifest().name;
  if (const auto missing = missing_provider(plugin.manifest())) {
    if (!missing->has_failed || !plugin.manifest().critical) {
      plugin.postpone(fmt::format("it waits for {}", missing->text));
      return {};
    }
    const Result<> refused = fail(
        Errc::not_found, fmt::format("start plugin '{}': it requires {}", name, missing->text));
    plugin.refuse(refused.error().context);
    return started(plugin, refused);
  }
  start_times_[name] = MainLoop::now();
  const Result<> outcome = plugin.start(options_.start_deadline);
  if (plugin.state() == PluginState::starting && !plugin.manifest().critical) {
    core_->log("host").warn("plugin is slow to start", "plugin", name, "for",
                            options_.start_deadline);
    return {};
  }
  return started(plugin, outcome);
}

Result<> Node::started(PluginInstance& plugin, const Result<>& outcome) {
  const Manifest& manifest = plugin.manifest();
  const bool was_retried = retried_.erase(manifest.name) > 0;
  if (outcome) {
    core_->log("host").info("plugin started", "plugin", manifest.name, "version", manifest.version,
                            "took", MainLoop::now() - start_times_[manifest.name]);
    logged_failures_.erase(manifest.name);
    core_->services.tell_followers(manifest.provides);
    if (was_retried) {
      joined_.insert(manifest.name);
    }
    return {};
  }
  failed(plugin, outcome.error().message(), Duration::zero());
  return manifest.critical ? outcome : Result<>();
}

bool Node::has_late_start() const {
  return std::ranges::any_of(plugins_,
                             [](const auto& plugin) { return plugin->has_start_returned(); });
}

Result<> Node::handle_late_starts() {
  if (!has_late_start()) {
    return {};
  }
  for (const auto& plugin : plugins_) {
    if (plugin->has_start_returned()) {
      WEFT_TRY(started(*plugin, plugin->finish_start()));
    }
  }
  restart_users();
  WEFT_TRY(start_configured());
  judge_state();
  announce();
  return {};
}

std::optional<Node::MissingProvider> Node::missing_provider(const Manifest& manifest) const {
  std::optional<MissingProvider> missing;
  for (const auto& plugin : plugins_) {
    const PluginState state = plugin->state();
    if (state == PluginState::started) {
      continue;
    }
    const auto& provides = plugin->manifest().provides;
    for (const std::string& interface : manifest.required) {
      if (std::ranges::find(provides, interface) == provides.end()) {
        continue;
      }
      const bool has_failed = state != PluginState::starting && state != PluginState::configured;
      if (!missing || has_failed) {
        missing = {fmt::format("{} of plugin '{}', which {}", interface, plugin->manifest().name,
                               has_failed ? "failed" : "has not started yet"),
                   has_failed};
      }
    }
  }
  return missing;
}

/// After the node stopped nobody needs to know.
void Node::set_trouble(const events::NodeTrouble& trouble) {
  if (has_stopped_) {
    return;
  }
  {
    const std::lock_guard lock(plugins_mutex_);
    if (trouble.reason.empty()) {
      troubles_.erase(trouble.source);
    } else {
      troubles_[trouble.source] = trouble.reason;
    }
  }
  if (state_ != State::starting) {
    judge_state();
  }
}

Troubles Node::troubles() const {
  const std::lock_guard lock(plugins_mutex_);
  return troubles_;
}

void Node::judge_state() {
  const bool is_whole = troubles().empty() && std::ranges::all_of(plugins_, [](const auto& plugin) {
                          return plugin->state() == PluginState::started;
                        });
  state_ = is_whole ? State::ready : State::degraded;
  if (std::string now = summary(); options_.on_change && now != told_summary_) {
    options_.on_change(is_whole, now);
    told_summary_ = std::move(now);
  }
}

std::string Node::summary() const {
  std::string text;
  const auto add = [&text](const std::string& what, const std::string& reason) {
    text += fmt::format("{}{}: {}", text.empty() ? "degraded: " : "; ", what, reason);
  };
  for (const PluginStatus& plugin : statuses()) {
    if (plugin.state != PluginState::started) {
      add(plugin.manifest.name, plugin.reason);
    }
  }
  for (const auto& [source, reason] : troubles()) {
    add(source, reason);
  }
  return text.empty() ? std::string(to_string(State::ready)) : text;
}

void Node::announce() {
  Log& log = core_->log("host");
  for (const PluginStatus& plugin : statuses()) {
    if (plugin.state != PluginState::started) {
      log.warn("node is degraded", "plugin", plugin.manifest.name, "reason", plugin.reason);
    }
  }
  log.info("ready", "state", to_string(state_.load()), "name", core_->info.name);
}

}  // namespace weft::host
