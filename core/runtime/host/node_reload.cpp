/// Replaces plugins of a running node after its configuration changed.

#include <algorithm>

#include <fmt/core.h>

#include "runtime/host/check.hpp"
#include "runtime/host/graph.hpp"
#include "runtime/host/loader.hpp"
#include "runtime/host/node.hpp"
#include "runtime/host/node_core.hpp"
#include "runtime/host/plugin_instance.hpp"

namespace weft::host {
namespace {

using Action = ReloadStep::Action;

bool is_new(const ReloadPlan& plan, const std::string& name) {
  const ReloadStep* const step = plan.find(name);
  return step != nullptr && (step->action == Action::start || step->action == Action::restart);
}

bool is_leaving(const ReloadPlan& plan, const std::string& name) {
  const ReloadStep* const step = plan.find(name);
  return step != nullptr && (step->action == Action::stop || step->action == Action::restart);
}

Error all_complaints(const std::string& file, const Complaints& complaints) {
  std::string text = fmt::format("reload '{}', nothing was changed", file);
  for (const std::string& complaint : complaints) {
    text += "\n  " + complaint;
  }
  return Error{make_error_code(Errc::invalid), std::move(text)};
}

}  // namespace

void Node::request_reload(std::set<std::string> forced, ReloadReply reply) {
  if (!has_stopped_) {
    reloads_.push_back({std::move(forced), std::move(reply)});
  }
}

Result<> Node::handle_reloads() {
  while (!reloads_.empty() && !stop_requested_) {
    ReloadRequest request = std::move(reloads_.front());
    reloads_.erase(reloads_.begin());
    Log& log = core_->log("host");
    auto successor = prepare(request.forced);
    if (!successor) {
      for (const std::string& complaint : successor.error()) {
        log.error("configuration not reloaded", "problem", complaint);
      }
      request.reply(tl::unexpected(all_complaints(config_.file, successor.error())));
      continue;
    }
    const ReloadPlan plan = successor->plan;
    end_plugins(plan);
    replace_plugins(std::move(successor->plugins));
    config_ = std::move(successor->config);
    retries_.clear();
    logged_failures_.clear();
    core_->logs.set_level(config_.host.log_level);
    const Result<> begun = start_configured();
    judge_state();
    log.info("configuration reloaded", "changed", plan.changes_anything(), "state",
             to_string(state_.load()));
    request.reply(Reloaded{plan, told(plan)});
    WEFT_TRY(begun);
  }
  return {};
}

tl::expected<Node::Successor, Complaints> Node::prepare(const std::set<std::string>& forced) {
  auto loaded = config::load_node_config(config_.file);
  if (!loaded) {
    return tl::unexpected(to_complaints(loaded.error()));
  }
  Successor next{*std::move(loaded), {}, {}};
  Complaints complaints = fixed_host_changes(config_.host, next.config.host);
  std::map<std::string, Instance> added;
  std::map<std::string, Manifest> manifests;
  for (const std::string& name : next.config.host.plugins) {
    const bool runs = std::ranges::any_of(
        plugins_, [&](const Instance& plugin) { return plugin->manifest().name == name; });
    if (runs) {
      continue;
    }
    auto instance = find_plugin(name, next.config.host.plugin_path);
    if (!instance) {
      complaints.push_back(instance.error().message());
      continue;
    }
    manifests.emplace(name, (*instance)->manifest());
    added.emplace(name, *std::move(instance));
  }
  for (const std::string& name : forced) {
    if (std::ranges::find(next.config.host.plugins, name) == next.config.host.plugins.end()) {
      complaints.push_back(
          fmt::format("cannot restart plugin '{}': host.plugins does not list it", name));
    }
  }
  if (!complaints.empty()) {
    return tl::unexpected(std::move(complaints));
  }
  next.plan = plan_reload(running_plugins(), next.config, manifests, forced);
  auto plugins = make_plugins(next.config, next.plan, added);
  if (!plugins) {
    return tl::unexpected(std::move(plugins).error());
  }
  next.plugins = *std::move(plugins);
  return next;
}

std::vector<RunningPlugin> Node::running_plugins() const {
  std::vector<RunningPlugin> running;
  for (const Instance& plugin : plugins_) {
    running.push_back({&plugin->manifest(), &config_.plugins.at(plugin->manifest().name),
                       plugin->state() == PluginState::failed,
                       [&plugin](std::string_view service) { return plugin->is_pinned(service); }});
  }
  return running;
}

tl::expected<std::vector<Node::Instance>, Complaints> Node::make_plugins(
    const config::NodeConfig& next, const ReloadPlan& plan,
    const std::map<std::string, Instance>& added) {
  std::vector<Instance> plugins;
  std::vector<Manifest> manifests;
  for (const std::string& name : next.host.plugins) {
    if (const auto found = added.find(name); found != added.end()) {
      plugins.push_back(found->second);
    } else {
      plugins.push_back(*std::ranges::find_if(
          plugins_, [&](const Instance& plugin) { return plugin->manifest().name == name; }));
    }
    manifests.push_back(plugins.back()->manifest());
  }
  const auto order = start_order(manifests, interfaces_of(options_.built_in));
  if (!order) {
    return tl::unexpected(order.error());
  }
  std::vector<Instance> ordered;
  std::vector<Instance> fresh;
  Complaints complaints;
  for (const std::size_t index : *order) {
    Instance plugin = std::move(plugins[index]);
    const std::string& name = manifests[index].name;
    if (is_new(plan, name)) {
      if (added.contains(name)) {
        if (const auto loaded =
                plugin->verify().and_then([&] { return plugin->try_out(); }).and_then([&] {
                  return plugin->load();
                });
            !loaded) {
          complaints.push_back(loaded.error().message());
        }
      } else {
        plugin = plugin->renew();
      }
      fresh.push_back(plugin);
    }
    ordered.push_back(std::move(plugin));
  }
  if (complaints.empty()) {
    for (const Instance& plugin : fresh) {
      append(complaints, plugin->configure(next.plugins.at(plugin->manifest().name), next.file,
                                           options_.start_deadline));
    }
  }
  if (!complaints.empty()) {
    dismiss(std::move(fresh));
    return tl::unexpected(std::move(complaints));
  }
  return ordered;
}

/// Followers let go first, then plugins stop in reverse order, and only then is one destroyed.
void Node::end_plugins(const ReloadPlan& plan) {
  std::vector<Instance> leaving;
  std::vector<std::string> services;
  for (const Instance& plugin : plugins_) {
    const Manifest& manifest = plugin->manifest();
    if (is_leaving(plan, manifest.name)) {
      leaving.push_back(plugin);
      plugin->withdraw();
      if (plugin->has_provided()) {
        services.insert(services.end(), manifest.provides.begin(), manifest.provides.end());
      }
    }
  }
  const auto let_go = std::make_shared<bool>(false);
  {
    const ServiceHold hold(
        let_go.get(), [main = main_, let_go](void*) { main->post([let_go] { *let_go = true; }); });
    core_->services.tell_followers(services, hold);
  }
  const bool is_free =
      main_->run_until([&let_go] { return *let_go; }, MainLoop::now() + options_.stop_deadline);
  if (!is_free) {
    core_->log("host").warn("followers of a service did not let go of it in time", "services",
                            services.size(), "deadline", options_.stop_deadline);
  }
  for (auto plugin = leaving.rbegin(); plugin != leaving.rend(); ++plugin) {
    (*plugin)->stop(options_.stop_deadline);
    std::erase(failed_, plugin->get());
    heartbeats_.erase((*plugin)->manifest().name);
  }
  if (is_free) {
    dismiss(std::move(leaving));
  } else {
    lingering_.insert(lingering_.end(), leaving.begin(), leaving.end());
  }
}

std::vector<std::string> Node::told(const ReloadPlan& plan) const {
  std::vector<std::string> names;
  for (const std::string& name : core_->services.followers(plan.services)) {
    const ReloadStep* const step = plan.find(name);  // none: the host itself
    if (step != nullptr && step->action == Action::keep) {
      names.push_back(name);
    }
  }
  return names;
}

void Node::replace_plugins(std::vector<Instance> plugins) {
  const std::lock_guard lock(plugins_mutex_);
  plugins_ = std::move(plugins);
}

void Node::dismiss(std::vector<Instance> plugins) {
  for (auto plugin = plugins.rbegin(); plugin != plugins.rend(); ++plugin) {
    (*plugin)->stop(options_.stop_deadline);
  }
  core_->lanes.drain_retired();  // may hold what the plugins made
  for (auto plugin = plugins.rbegin(); plugin != plugins.rend(); ++plugin) {
    (*plugin)->destroy();
    if ((*plugin)->is_abandoned()) {
      lingering_.push_back(*plugin);  // the node cannot end cleanly any more
    }
  }
}

}  // namespace weft::host
