/// What a node itself answers on the control socket.

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/host/node.hpp"
#include "runtime/host/plugin_instance.hpp"
#include "runtime/host/status.hpp"

namespace weft::host {
namespace {

CommandInfo status_command() {
  return {"status",
          "The node, and how its plugins are.",
          "object",
          {{"Version", "The product's."},
           {"Name", "The node's."},
           {"NickName", "The node's, for people."},
           {"State", "starting, ready, degraded or stopping."},
           {"UptimeSeconds", "Since the process was started."},
           {"Plugins[].Name", "The plugin."},
           {"Plugins[].State", "How it is."},
           {"Plugins[].Reason", "Why it does not run, and when it is started again."},
           {"Warnings[]", "What an operator should know; absent without any."},
           {"Troubles[].Source", "Who cannot do all of its work; absent without any."},
           {"Troubles[].Reason", "What is wrong, and what to do."}}};
}

CommandInfo plugins_command() {
  return {"plugins",
          "The plugins, as their manifests describe them.",
          "list of objects",
          {{"name", "The plugin."},
           {"version", "Its own."},
           {"summary", "What it is for."},
           {"state", "How it is."},
           {"reason", "Why it does not run, and when it is started again."},
           {"provides", "Interfaces of services."},
           {"requires", "Interfaces without which it does not start."},
           {"critical", "Whether the node ends with it."},
           {"path", "The file that it was loaded from."}}};
}

CommandInfo topics_command() {
  return {"bus.topics",
          "The topics of the bus, and who follows them.",
          "list of objects",
          {{"topic", "Its name."},
           {"kind", "state or signal."},
           {"published", "Events so far."},
           {"current-values", "Of a state: keys that have a value."},
           {"subscribers[].plugin", "Who follows it."},
           {"subscribers[].depth", "Events that wait for it now."},
           {"subscribers[].high-water", "The most that ever waited."},
           {"subscribers[].delivered", "Events that it got."},
           {"subscribers[].dropped", "Signals that it lost, being slow."},
           {"subscribers[].coalesced", "Values that were replaced before it read them."},
           {"subscribers[].latency-p50-seconds", "From publication to delivery, the median."},
           {"subscribers[].latency-p99-seconds", "The same for all but one in a hundred."}}};
}

CommandInfo commands_command() {
  return {"commands",
          "The commands of this socket.",
          "list of objects",
          {{"name", "The command."},
           {"help", "What it does."},
           {"parameters[].name", "A member of the request's params."},
           {"parameters[].type", "Its type, as in the configuration."},
           {"parameters[].required", "Whether it must be given."},
           {"parameters[].default", "What it is otherwise, as written in the configuration."},
           {"parameters[].help", "What it means."},
           {"answer", "The JSON of the answer."},
           {"fields[].name", "A member of it."},
           {"fields[].help", "What it means."}}};
}

CommandInfo reload_command() {
  return {"reload",
          "Reads the configuration again; restarts only what changed.",
          "object",
          {{"plugins[].name", "A plugin that something was done to."},
           {"plugins[].action", "What was done."},
           {"plugins[].because", "Why."},
           {"plugins[].state", "How it is now."},
           {"plugins[].reason", "Why it does not run."},
           {"told", "Plugins that took new values without a restart."}}};
}

struct ReloadParameters {
  std::vector<std::string> plugins;

  void describe(Schema& schema) {
    schema.field("plugins", plugins, "Restarted even if nothing changed for them.");
  }
};

}  // namespace

Result<> Node::serve_commands() {
  Result<> served;
  core_->run_on_loop([&] { served = serve_pages().and_then([this] { return serve_reload(); }); });
  return served;
}

Result<> Node::serve_pages() {
  const auto add = [this](CommandInfo info, std::function<std::string()> page) -> Result<> {
    CommandRegistration command;
    WEFT_TRY(command,
             core_->control.view(core_->loop)
                 .serve(std::move(info),
                        [page = std::move(page)](Reply<std::string> reply) { reply(page()); }));
    commands_.push_back(std::move(command));
    return {};
  };
  WEFT_TRY(add(status_command(), [this] {
    const TimePoint now = MainLoop::now();
    const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(now - created_);
    return status_json(
        {core_->info, std::string(to_string(state_.load())), uptime, warnings(), troubles()},
        statuses(), now);
  }));
  WEFT_TRY(add(plugins_command(), [this] { return plugins_json(statuses(), MainLoop::now()); }));
  WEFT_TRY(add({"metrics", "Every metric of the node, as Prometheus text.", "string"},
               [this] { return text_json(core_->metrics.prometheus_text()); }));
  WEFT_TRY(add(topics_command(), [this] { return topics_json(core_->bus.statistics()); }));
  return add(commands_command(), [this] { return core_->control.commands_json(); });
}

/// Served on the host's loop; the reload itself is the main thread's.
Result<> Node::serve_reload() {
  CommandRegistration command;
  WEFT_TRY(
      command,
      core_->control.view(core_->loop)
          .serve<ReloadParameters>(reload_command(), [this](const ReloadParameters& given,
                                                            Reply<std::string> reply) {
            main_->post([this,
                         forced = std::set<std::string>(given.plugins.begin(), given.plugins.end()),
                         reply = std::move(reply)]() mutable {
              reload_for(std::move(forced), std::move(reply));
            });
          }));
  commands_.push_back(std::move(command));
  return {};
}

void Node::reload_for(std::set<std::string> forced, Reply<std::string> reply) {
  request_reload(std::move(forced),
                 [this, reply = std::move(reply)](const Result<Reloaded>& reloaded) mutable {
                   reply(reloaded.map([this](const Reloaded& done) {
                     return reloaded_json(done, statuses(), MainLoop::now());
                   }));
                 });
}

}  // namespace weft::host
