/// Brings a configuration to life, keeps it alive, and ends it in order.

#include "runtime/host/node.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/core.h>

#include "runtime/host/graph.hpp"
#include "runtime/host/identity.hpp"
#include "runtime/host/loader.hpp"
#include "runtime/host/plugin_instance.hpp"

namespace weft::host {
namespace {

/// Empty where the file system of the directory has no locks, which is warned of.
Result<std::optional<StateLock>> lock_state(const std::string& directory,
                                            std::vector<std::string>& warnings) {
  auto taken = StateLock::take(directory);
  if (taken) {
    return std::optional(*std::move(taken));
  }
  const std::error_code& code = taken.error().code;
  if (code == std::errc::bad_file_descriptor || code == std::errc::no_lock_available ||
      code == std::errc::operation_not_supported) {
    warnings.push_back(taken.error().message() +
                       "; a second weftd on it would give out the same addresses");
    return std::optional<StateLock>();
  }
  return tl::unexpected(std::move(taken).error());
}

/// A check touches nothing.
Result<PeerIdentity> identify(const config::HostConfig& config, bool is_check) {
  if (is_check) {
    return PeerIdentity{config.name, false, {}};
  }
  return identify_peer(config.state_directory, config.name, find_name_evidence(config.bridge));
}

/// Beyond its descriptors a node refuses peers, and commands wait. The daemon takes about 80 and
/// three for each peer; with fewer it could not even say what is wrong.
Result<> check_descriptors(Log& log) {
  constexpr rlim_t fewest = 128;
  constexpr rlim_t few = 512;
  constexpr const char* remedy =
      "raise the hard limit: LimitNOFILE=65536 in the unit, or ulimit -Hn";
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return {};
  }
  if (limit.rlim_cur < fewest) {
    return fail(EMFILE, fmt::format("run with {} file descriptors, a node takes about 80 and three "
                                    "for each peer; {}",
                                    limit.rlim_cur, remedy));
  }
  if (limit.rlim_cur < few) {
    log.warn("few file descriptors: peers beyond them are refused", "limit",
             static_cast<std::uint64_t>(limit.rlim_cur), "remedy", remedy);
  }
  return {};
}

}  // namespace

void append(Complaints& to, Complaints from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

std::string_view Node::to_string(State state) noexcept {
  switch (state) {
    case State::starting:
      return "starting";
    case State::ready:
      return "ready";
    case State::degraded:
      return "degraded";
    case State::stopping:
      return "stopping";
  }
  return "unknown";
}

Node::Node(config::NodeConfig config, PeerName name, std::shared_ptr<MainLoop> main,
           NodeOptions options)
    : config_(std::move(config)),
      options_(options),
      main_(std::move(main)),
      core_(std::make_shared<NodeCore>(config_.host, name, main_)) {}

Node::~Node() {
  stop();
}

tl::expected<std::unique_ptr<Node>, Complaints> Node::create(config::NodeConfig config,
                                                             std::shared_ptr<MainLoop> main,
                                                             NodeOptions options) {
  std::vector<std::string> warnings;
  std::optional<StateLock> state_lock;
  if (!options.is_check) {
    auto locked = lock_state(config.host.state_directory, warnings);
    if (!locked) {
      return tl::unexpected(Complaints{locked.error().message()});
    }
    state_lock = *std::move(locked);
  }
  auto identity = identify(config.host, options.is_check);
  if (!identity) {
    return tl::unexpected(Complaints{identity.error().message()});
  }
  append(warnings, std::move(identity->warnings));
  std::unique_ptr<Node> node(new Node(std::move(config), identity->name, std::move(main), options));
  node->ran_before_ = identity->was_kept;
  node->warnings_ = std::move(warnings);
  node->state_lock_ = std::move(state_lock);
  if (auto complaints = node->validate(); !complaints.empty()) {
    if (!options.is_check && !node->ran_before_) {
      forget_peer(node->config_.host.state_directory);
    }
    return tl::unexpected(std::move(complaints));
  }
  return node;
}

Complaints Node::validate() {
  for (const auto step : {&Node::discover, &Node::load, &Node::configure}) {
    if (auto complaints = (this->*step)(); !complaints.empty()) {
      return complaints;
    }
  }
  return {};
}

Result<Node::Instance> Node::find_plugin(const std::string& name,
                                         const std::vector<std::string>& path) {
  std::string file;
  WEFT_TRY(file, find_plugin_file(name, path));
  Manifest manifest;
  WEFT_TRY(manifest, read_manifest_file(file));
  return std::make_shared<PluginInstance>(
      core_, std::move(manifest), std::move(file),
      [this](PluginInstance& plugin) { failed_.push_back(&plugin); });
}

Complaints Node::discover() {
  Complaints complaints;
  std::vector<Instance> found;
  std::vector<Manifest> manifests;
  for (const std::string& name : config_.host.plugins) {
    auto plugin = find_plugin(name, config_.host.plugin_path);
    if (!plugin) {
      complaints.push_back(plugin.error().message());
      continue;
    }
    manifests.push_back((*plugin)->manifest());
    found.push_back(*std::move(plugin));
  }
  if (!complaints.empty()) {
    return complaints;
  }
  const auto order = start_order(manifests, interfaces_of(options_.built_in));
  if (!order) {
    return order.error();
  }
  for (const std::size_t index : *order) {
    plugins_.push_back(std::move(found[index]));
    if (const auto verified = plugins_.back()->verify(); !verified) {
      complaints.push_back(verified.error().message());
    }
  }
  return complaints;
}

Complaints Node::load() {
  Complaints complaints;
  for (const auto& plugin : plugins_) {
    if (const auto loaded = plugin->load(); !loaded) {
      complaints.push_back(loaded.error().message());
    }
  }
  return complaints;
}

Complaints Node::configure() {
  Complaints complaints;
  for (const auto& plugin : plugins_) {
    append(complaints, plugin->configure(config_.plugins.at(plugin->manifest().name), config_.file,
                                         options_.start_deadline));
  }
  return complaints;
}

Result<> Node::open() {
  WEFT_TRY(core_->open(options_.built_in));
  is_open_ = true;
  doubt_store();
  for (const std::string& warning : warnings()) {
    core_->log("host").warn(warning);
  }
  WEFT_TRY(serve_commands());
  core_->run_on_loop([this] {
    troubles_heard_ = core_->host_bus().subscribe<events::NodeTrouble>(
        [this](const events::NodeTrouble& trouble) {
          main_->post([this, trouble] { set_trouble(trouble); });
        });
  });
  WEFT_TRY(core_->open_control_socket());
  watchdog_ = main_->every(std::chrono::seconds{1}, [this] { watch(); });
  return {};
}

void Node::doubt_store() {
  const store::StoreOrigin origin = core_->store.origin();
  if (origin == store::StoreOrigin::emptied ||
      (origin == store::StoreOrigin::made && ran_before_)) {
    warnings_.push_back(fmt::format(
        "the store in '{}' was {} although this node ran before: what it had saved is lost",
        core_->info.state_directory, origin == store::StoreOrigin::made ? "missing" : "empty"));
  }
}

void Node::tend_store() {
  if (state_lock_) {
    state_lock_->keep();
  }
  core_->store.tend();
  const std::uint64_t times = core_->store.times_made_again();
  if (std::exchange(store_made_again_, times) != times) {
    core_->log("host").warn("another program removed the store; made again", "directory",
                            core_->info.state_directory);
  }
  const std::string shortage = short_of_space();
  if (shortage.empty() != shortage_said_.empty()) {
    shortage.empty() ? core_->log("host").info("the store has space again")
                     : core_->log("host").warn(shortage);
    shortage_said_ = shortage;
  }
}

/// Of the disk that the store is on; empty: there is enough.
std::string Node::short_of_space() const {
  constexpr std::uint64_t enough = 16 << 20;  // many times what a node stores
  const std::uint64_t left = core_->store.space_left();
  return left >= enough || core_->store.obstacle()
             ? ""
             : fmt::format(
                   "the disk of '{}' has {} MiB left; when it is full no address can be "
                   "given out: make room on it",
                   core_->info.state_directory, left >> 20U);
}

std::vector<std::string> Node::warnings() const {
  std::vector<std::string> all = warnings_;
  if (const auto obstacle = core_->store.obstacle()) {
    all.push_back(fmt::format("nothing can be saved, so no address can be given out: {}",
                              obstacle->message()));
  }
  if (std::string shortage = short_of_space(); !shortage.empty()) {
    all.push_back(std::move(shortage));
  }
  return all;
}

Result<> Node::start() {
  Log& log = core_->log("host");
  log.info("node starting", "name", core_->info.name, "nickname", core_->info.nickname, "plugins",
           plugins_.size(), "lanes", core_->lanes.count());
  WEFT_TRY(check_descriptors(log));
  WEFT_TRY(open());
  WEFT_TRY(start_configured());
  WEFT_TRY(handle_failures());
  judge_state();
  return {};
}

Result<> Node::handle_failures() {
  Result<> outcome;
  if (failed_.empty()) {
    return outcome;
  }
  for (PluginInstance* const plugin : std::exchange(failed_, {})) {
    const PluginStatus status = plugin->status();
    plugin->withdraw();
    core_->services.tell_followers(plugin->manifest().provides);
    failed(*plugin, status.reason, MainLoop::now() - start_times_[status.manifest.name]);
    if (status.manifest.critical && outcome) {
      outcome = fail(Errc::closed, fmt::format("go on without critical plugin '{}': {}",
                                               status.manifest.name, status.reason));
    }
  }
  judge_state();
  return outcome;
}

Result<> Node::run() {
  while (!stop_requested_) {
    const auto has_work = [this] {
      return stop_requested_ || !failed_.empty() || !reloads_.empty() || has_late_start();
    };
    if (const auto retry_at = retries_.next()) {
      main_->run_until(has_work, *retry_at);
    } else {
      main_->run_until(has_work);
    }
    WEFT_TRY(handle_late_starts());
    WEFT_TRY(handle_failures());
    WEFT_TRY(handle_reloads());
    WEFT_TRY(handle_retries());
  }
  return {};
}

void Node::stop() {
  if (std::exchange(has_stopped_, true)) {
    return;
  }
  state_ = State::stopping;
  watchdog_.reset();
  reloads_.clear();
  if (is_open_) {
    core_->log("host").info("node stopping");
  }
  for (auto plugin = plugins_.rbegin(); plugin != plugins_.rend(); ++plugin) {
    (*plugin)->stop(options_.stop_deadline);
  }
  if (is_open_) {
    core_->run_on_loop([this] {
      commands_.clear();
      troubles_heard_ = {};
    });
    core_->close_control_socket();
  }
  bool is_clean = true;
  for (auto* const list : {&plugins_, &lingering_}) {
    for (auto plugin = list->rbegin(); plugin != list->rend(); ++plugin) {
      (*plugin)->destroy();
      is_clean = is_clean && !(*plugin)->is_abandoned();
    }
  }
  // An abandoned plugin may wake up and use what it was given: that stays until the process ends.
  if (is_open_ && is_clean) {
    core_->close();
  }
  if (is_open_) {
    core_->log("host").info("node stopped", "clean", is_clean);
  }
}

std::vector<PluginStatus> Node::statuses() const {
  std::vector<PluginStatus> list;
  const std::lock_guard lock(plugins_mutex_);
  for (const auto& plugin : plugins_) {
    list.push_back(plugin->status());
  }
  return list;
}

void Node::watch() {
  Log& log = core_->log("host");
  const TimePoint now = MainLoop::now();
  tend_store();
  for (const auto& plugin : plugins_) {
    const std::string& name = plugin->manifest().name;
    if (plugin->state() != PluginState::started) {
      continue;
    }
    const char* const what = plugin->thread_loop().activity().what;
    Heartbeat& heartbeat = heartbeats_[name];
    switch (heartbeat.check(plugin->thread_loop(), now)) {
      case Heartbeat::Verdict::late:
        log.warn("plugin is stuck", "plugin", name, "in", what == nullptr ? "nothing" : what, "for",
                 heartbeat.lateness(now));
        break;
      case Heartbeat::Verdict::recovered:
        log.info("plugin runs again", "plugin", name);
        break;
      case Heartbeat::Verdict::dead:
        if (plugin->manifest().critical) {
          log.error("critical plugin is stuck: aborting", "plugin", name, "in",
                    what == nullptr ? "nothing" : what, "for", heartbeat.lateness(now));
          std::abort();
        }
        break;
      case Heartbeat::Verdict::fine:
      case Heartbeat::Verdict::still_late:
        break;
    }
    core_->metrics
        .gauge("weft_host_loop_cpu_seconds", "CPU time a plugin's loop has used.",
               {{"plugin", name}})
        .set(std::chrono::duration<double>(plugin->thread_loop().cpu_time()).count());
  }
}

}  // namespace weft::host
