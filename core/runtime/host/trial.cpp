/// The life of a plugin step by step, for tools that judge it.

#include "runtime/host/trial.hpp"

#include <algorithm>
#include <atomic>

#include <fmt/core.h>
#include <boost/asio/io_context.hpp>

#include "runtime/host/graph.hpp"
#include "runtime/host/loader.hpp"
#include "runtime/host/node_core.hpp"
#include "runtime/host/plugin_instance.hpp"

namespace weft::host {
namespace {

/// Whether anything waits on a loop whose thread has ended. Nothing is run: the loop's own guard is
/// taken off for a moment, and a context without work stops.
bool has_work_left(boost::asio::io_context& io) {
  io.restart();
  io.get_executor().on_work_finished();
  const bool has_work = !io.stopped();
  io.get_executor().on_work_started();
  return has_work;
}

}  // namespace

/// The host's views, with destructors that the interfaces do not offer.
struct Trial::Views {
  std::unique_ptr<ServicesView> services;
  std::unique_ptr<BusView> bus;
};

Trial::Trial(config::NodeConfig config, std::shared_ptr<MainLoop> main, NodeOptions options)
    : config_(std::move(config)),
      options_(options),
      core_(std::make_shared<NodeCore>(config_.host, config_.host.name, std::move(main))) {}

Trial::~Trial() {
  bool is_clean = true;
  for (auto plugin = plugins_.rbegin(); plugin != plugins_.rend(); ++plugin) {
    (*plugin)->stop(options_.stop_deadline);
  }
  if (views_) {
    core_->run_on_loop([this] { views_->bus.reset(); });
    views_.reset();
  }
  for (auto plugin = plugins_.rbegin(); plugin != plugins_.rend(); ++plugin) {
    (*plugin)->destroy();
    is_clean = is_clean && !(*plugin)->is_abandoned();
  }
  if (is_open_ && is_clean) {
    core_->close();
  }
}

tl::expected<std::unique_ptr<Trial>, Complaints> Trial::create(config::NodeConfig config,
                                                               std::shared_ptr<MainLoop> main,
                                                               NodeOptions options) {
  std::unique_ptr<Trial> trial(new Trial(std::move(config), std::move(main), options));
  if (auto complaints = trial->prepare(); !complaints.empty()) {
    return tl::unexpected(std::move(complaints));
  }
  return trial;
}

Complaints Trial::prepare() {
  std::vector<Manifest> manifests;
  std::vector<std::string> paths;
  for (const std::string& name : config_.host.plugins) {
    auto path = find_plugin_file(name, config_.host.plugin_path);
    auto manifest = path ? read_manifest_file(*path) : tl::unexpected(path.error());
    if (!manifest) {
      return {manifest.error().message()};
    }
    manifests.push_back(*std::move(manifest));
    paths.push_back(*std::move(path));
  }
  const auto order = start_order(manifests, interfaces_of(options_.built_in));
  if (!order) {
    return order.error();
  }
  for (const std::size_t index : *order) {
    const auto plugin = plugins_.emplace_back(std::make_shared<PluginInstance>(
        core_, std::move(manifests[index]), std::move(paths[index]), [](PluginInstance&) {}));
    if (index + 1 == manifests.size()) {
      subject_ = plugin;
    }
    if (const auto ready = plugin->verify().and_then([&] { return plugin->load(); }); !ready) {
      return {ready.error().message()};
    }
    if (auto complaints = plugin->configure(config_.plugins.at(plugin->manifest().name),
                                            config_.file, options_.start_deadline);
        !complaints.empty()) {
      return complaints;
    }
  }
  return {};
}

Result<> Trial::start() {
  WEFT_TRY(core_->open(options_.built_in));
  is_open_ = true;
  views_ = std::make_unique<Views>();
  views_->services = core_->services.view("weft-plugin-check", core_->loop, std::nullopt);
  views_->bus = core_->bus.view("weft-plugin-check", core_->loop);
  for (const auto& plugin : plugins_) {
    if (plugin == subject_) {
      commands_before_ = core_->control.commands();
    }
    WEFT_TRY(plugin->start(options_.start_deadline));
  }
  return {};
}

void Trial::settle(Duration patience) {
  const TimePoint deadline = MainLoop::now() + patience;
  // Asio queues what a handler posts only when that handler ends: after what others posted
  // meanwhile. The second round comes after it for sure.
  for (int round = 0; round < 2; ++round) {
    const auto has_run = std::make_shared<std::atomic<bool>>(false);
    subject_->loop().post(
        [has_run, main = core_->main] { main->post([has_run] { *has_run = true; }); });
    core_->main->run_until([has_run] { return has_run->load(); }, deadline);
  }
}

void Trial::stop_subject() {
  subject_->stop(options_.stop_deadline);
}

std::vector<std::string> Trial::left_behind() const {
  const std::string& name = subject_->manifest().name;
  std::vector<std::string> left;
  for (const TopicStatistics& topic : core_->bus.statistics()) {
    for (const SubscriberStatistics& subscriber : topic.subscribers) {
      if (subscriber.plugin == name) {
        left.push_back(fmt::format("a subscription to {}", topic.topic));
      }
    }
  }
  for (const std::string& command : core_->control.commands()) {
    if (!std::ranges::binary_search(commands_before_, command)) {
      left.push_back(fmt::format("the control command '{}'", command));
    }
  }
  if (!subject_->is_abandoned() && has_work_left(subject_->thread_loop().io())) {
    left.emplace_back("work that waits on its loop (a timer, a watch or a stream)");
  }
  return left;
}

PluginStatus Trial::subject() const {
  return subject_->status();
}

const std::vector<ConfigField>& Trial::fields() const {
  return subject_->fields();
}

bool Trial::is_abandoned() const {
  return std::ranges::any_of(plugins_, [](const auto& plugin) { return plugin->is_abandoned(); });
}

Loop& Trial::loop() {
  return core_->loop;
}

Services& Trial::services() {
  return *views_->services;
}

Bus& Trial::bus() {
  return *views_->bus;
}

Lanes& Trial::lanes() {
  return core_->lanes;
}

LaneStatistics Trial::lane_statistics() const {
  return core_->lanes.statistics().front();
}

void Trial::run_on_loop(Task task) {
  core_->run_on_loop(std::move(task));
}

}  // namespace weft::host
