/// Finds the fewest restarts that bring the running plugins in line with a new configuration.

#include "runtime/host/reload_plan.hpp"

#include <algorithm>

#include <fmt/core.h>

namespace weft::host {
namespace {

using Action = ReloadStep::Action;

const RunningPlugin* find_running(std::span<const RunningPlugin> running, std::string_view name) {
  const auto found = std::ranges::find(
      running, name, [](const auto& plugin) -> std::string_view { return plugin.manifest->name; });
  return found == running.end() ? nullptr : &*found;
}

std::string why_restart(const RunningPlugin& plugin, const config::NodeConfig& next,
                        const std::set<std::string>& forced) {
  const std::string& name = plugin.manifest->name;
  if (plugin.has_failed) {
    return "it had failed";
  }
  if (!config::same_values(*plugin.table, next.plugins.at(name))) {
    return "its configuration changed";
  }
  return forced.contains(name) ? "it was asked for" : "";
}

/// Restarts whoever holds on to a changing service, and so on for what those provide.
void restart_dependents(std::span<const RunningPlugin> running, ReloadPlan& plan) {
  for (bool is_settled = false; !is_settled;) {
    is_settled = true;
    for (ReloadStep& step : plan.steps) {
      if (step.action != Action::keep) {
        continue;
      }
      const RunningPlugin& plugin = *find_running(running, step.name);
      const auto pinned = std::ranges::find_if(plan.services, plugin.is_pinned);
      if (pinned != plan.services.end()) {
        step.action = Action::restart;
        step.reason = fmt::format("it uses {}, whose provider changes", *pinned);
        plan.services.insert(plugin.manifest->provides.begin(), plugin.manifest->provides.end());
        is_settled = false;
        break;  // the set just grew
      }
    }
  }
}

}  // namespace

const ReloadStep* ReloadPlan::find(std::string_view name) const {
  const auto found = std::ranges::find(steps, name, &ReloadStep::name);
  return found == steps.end() ? nullptr : &*found;
}

bool ReloadPlan::changes_anything() const {
  return std::ranges::any_of(steps,
                             [](const ReloadStep& step) { return step.action != Action::keep; });
}

ReloadPlan plan_reload(std::span<const RunningPlugin> running, const config::NodeConfig& next,
                       const std::map<std::string, Manifest>& added,
                       const std::set<std::string>& forced) {
  ReloadPlan plan;
  const auto change = [&plan](const Manifest& manifest, Action action, std::string reason) {
    plan.steps.push_back({manifest.name, action, std::move(reason)});
    plan.services.insert(manifest.provides.begin(), manifest.provides.end());
  };
  for (const std::string& name : next.host.plugins) {
    const RunningPlugin* const plugin = find_running(running, name);
    if (plugin == nullptr) {
      change(added.at(name), Action::start, "it is new in host.plugins");
    } else if (std::string reason = why_restart(*plugin, next, forced); !reason.empty()) {
      change(*plugin->manifest, Action::restart, std::move(reason));
    } else {
      plan.steps.push_back({name, Action::keep, {}});
    }
  }
  for (const RunningPlugin& plugin : running) {
    if (plan.find(plugin.manifest->name) == nullptr) {
      change(*plugin.manifest, Action::stop, "it is no longer in host.plugins");
    }
  }
  restart_dependents(running, plan);
  return plan;
}

ReloadPlan plan_restarts(std::span<const RunningPlugin> running,
                         const std::map<std::string, std::string>& reasons,
                         std::set<std::string> services) {
  ReloadPlan plan{{}, std::move(services)};
  for (const RunningPlugin& plugin : running) {
    const auto reason = reasons.find(plugin.manifest->name);
    plan.steps.push_back(reason == reasons.end()
                             ? ReloadStep{plugin.manifest->name, Action::keep, {}}
                             : ReloadStep{reason->first, Action::restart, reason->second});
  }
  restart_dependents(running, plan);
  return plan;
}

std::vector<std::string> fixed_host_changes(const config::HostConfig& now,
                                            const config::HostConfig& next) {
  std::vector<std::string> changes;
  const auto compare = [&changes](const char* field, const auto& before, const auto& after) {
    if (before != after) {
      changes.push_back(fmt::format(
          "host.{} cannot change while the node runs: undo it, or restart weftd", field));
    }
  };
  compare("state-directory", now.state_directory, next.state_directory);
  compare("run-directory", now.run_directory, next.run_directory);
  compare("control-socket", now.control_socket, next.control_socket);
  compare("name", now.name, next.name);
  compare("nickname", now.nickname, next.nickname);
  compare("listen", now.listen, next.listen);
  compare("bridge", now.bridge, next.bridge);
  compare("lanes", now.lanes, next.lanes);
  return changes;
}

}  // namespace weft::host
