/// Takes one plugin through its life, with a deadline at every step that runs its code.

#include "runtime/host/plugin_instance.hpp"

#include <thread>
#include <utility>

#include <fmt/core.h>
#include <fmt/format.h>

#include "runtime/config/binder.hpp"
#include "runtime/host/capabilities.hpp"
#include "runtime/loop/activity.hpp"

namespace weft::host {
namespace {

constexpr Duration destroy_deadline = std::chrono::seconds{5};

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// Turns what a plugin throws into an error: nothing it throws leaves its step.
Result<> run_guarded(const char* name, UniqueFunction<Result<>()>& step) {
  const ActivityScope scope(name);
  try {
    return step();
  } catch (const std::exception& error) {
    return weft::fail(Errc::invalid, fmt::format("{}: it threw: {}", name, error.what()));
  } catch (...) {
    return weft::fail(Errc::invalid, fmt::format("{}: it threw an unknown exception", name));
  }
}

}  // namespace

PluginInstance::PluginInstance(std::shared_ptr<NodeCore> core, Manifest manifest, std::string path,
                               FailureHandler on_failure)
    : core_(std::move(core)),
      manifest_(std::move(manifest)),
      path_(std::move(path)),
      on_failure_(std::move(on_failure)),
      log_(core_->log(manifest_.name)),
      loop_(manifest_.name, core_->blocking, [this](Error error) { fail(std::move(error)); }),
      transport_(loop_, core_->resolver),
      bus_(core_->bus.view(manifest_.name, loop_)),
      services_(core_->services.view(
          manifest_.name, loop_,
          ServiceUse{manifest_.required, manifest_.wants, manifest_.provides, manifest_.shares})),
      lanes_(core_->lanes),
      control_(core_->control.view(loop_)) {}

PluginInstance::~PluginInstance() {
  destroy();
}

std::shared_ptr<PluginInstance> PluginInstance::renew() const {
  auto next = std::make_shared<PluginInstance>(core_, manifest_, path_, on_failure_);
  next->library_ = library_;
  next->loop_.start();
  next->set_state(PluginState::loaded);
  return next;
}

Result<> PluginInstance::verify() {
  WEFT_TRY(check_plugin_file(path_));
  if (auto fits = check_compatible(manifest_.abi, host_abi()); !fits) {
    fits.error().context = fmt::format("load plugin '{}': cannot {}", path_, fits.error().context);
    return fits;
  }
  set_state(PluginState::verified);
  return {};
}

Result<> PluginInstance::load() {
  auto library = Library::load(path_);
  if (!library) {
    return tl::unexpected(std::move(library).error());
  }
  library_ = std::make_shared<Library>(*std::move(library));
  loop_.start();
  set_state(PluginState::loaded);
  return {};
}

std::vector<std::string> PluginInstance::configure(const config::Table& table,
                                                   const std::string& file, Duration deadline) {
  const auto problems = std::make_shared<std::vector<config::Problem>>();
  const auto done = run("configure", deadline, [this, problems, table, file]() -> Result<> {
    plugin_ = static_cast<Plugin*>(library_->entry().create(static_cast<Host*>(this)));
    if (plugin_ == nullptr) {
      const std::lock_guard lock(mutex_);
      return failure_ ? tl::unexpected(*failure_) : weft::fail(Errc::invalid, "construct it");
    }
    plugin_->describe(schema_);
    *problems = config::bind_table(table, schema_, file);
    if (problems->empty()) {
      if (const Result<> sound = plugin_->validate(); !sound) {
        problems->push_back(
            {file, table.at,
             fmt::format("[plugin.{}]: {}", manifest_.name, sound.error().message())});
      }
    }
    return {};
  });
  if (!done) {
    abandon("configure", deadline);
    return {fmt::format("plugin '{}': {}", manifest_.name, status().reason)};
  }
  if (!*done) {
    set_failed(done->error().message());
    return {fmt::format("plugin '{}': {}", manifest_.name, done->error().message())};
  }
  std::vector<std::string> texts;
  for (const config::Problem& problem : *problems) {
    texts.push_back(problem.to_string());
  }
  if (texts.empty()) {
    set_state(PluginState::configured);
  } else {
    set_failed("its configuration is wrong");
  }
  return texts;
}

Result<> PluginInstance::start(Duration deadline) {
  set_state(PluginState::starting);
  start_outcome_ = begin("start", [this] { return plugin_->start(); });
  core_->main->run_until([this] { return start_outcome_->has_value(); },
                         MainLoop::now() + deadline);
  if (!has_start_returned()) {
    const char* const what = loop_.activity().what;
    set_reason(fmt::format("it did not start within {} s (busy with '{}')", seconds(deadline),
                           what == nullptr ? "nothing" : what));
    return weft::fail(Errc::timeout,
                      fmt::format("start plugin '{}': {}", manifest_.name, status().reason));
  }
  return finish_start();
}

bool PluginInstance::has_start_returned() const {
  return state() == PluginState::starting && start_outcome_->has_value();
}

Result<> PluginInstance::finish_start() {
  Result<> done = **start_outcome_;
  {
    const std::lock_guard lock(mutex_);
    if (done && failure_) {
      done = tl::unexpected(*failure_);
    }
    if (done) {
      state_ = PluginState::started;
      reason_.clear();
      return {};
    }
  }
  const std::string lack = missing_rights(done.error().code);
  set_failed(done.error().message() + lack);
  return tl::unexpected(Error{
      done.error().code,
      fmt::format("start plugin '{}'{}: cannot {}", manifest_.name, lack, done.error().context)});
}

/// ", as weftd lacks ..." when that may be why the kernel refused something.
std::string PluginInstance::missing_rights(const std::error_code& code) const {
  const bool was_refused =
      code == std::errc::operation_not_permitted || code == std::errc::permission_denied;
  const auto missing = was_refused
                           ? missing_capabilities(manifest_.capabilities, effective_capabilities())
                           : std::vector<std::string>{};
  return missing.empty() ? ""
                         : fmt::format(
                               ", as weftd lacks {}: run it with that (AmbientCapabilities= "
                               "in the unit) or as root",
                               fmt::join(missing, ", "));
}

void PluginInstance::stop(Duration deadline) {
  if (std::exchange(has_ended_, true)) {
    return;
  }
  if (state() != PluginState::failed) {
    set_state(PluginState::stopping);
  }
  lanes_.remove_all();
  if (library_ != nullptr) {
    const auto stopped = run("stop", deadline, [this]() -> Result<> {
      if (start_outcome_ != nullptr) {
        plugin_->stop();
      }
      return {};
    });
    // What was posted before runs; afterwards the loop is known to come to its end.
    const auto drained = stopped ? run("drain", deadline, [] { return Result<>(); }) : stopped;
    if (!drained) {
      abandon("stop", deadline);
      return;
    }
  }
  services_->withdraw();
  loop_.close();
  if (!loop_.wait_for_blocking(MainLoop::now() + deadline)) {
    abandon("finish its blocking work", deadline);
    return;
  }
  loop_.join_thread();
  if (state() != PluginState::failed) {
    set_state(PluginState::stopped);
  }
}

void PluginInstance::destroy() {
  if (abandoned_self_) {
    return;
  }
  if (library_ == nullptr) {
    stop(Duration::zero());  // nothing of it ever ran
  }
  WEFT_CHECK(has_ended_, "a plugin is stopped before it is destroyed");
  if (Plugin* const plugin = std::exchange(plugin_, nullptr);
      plugin != nullptr && !run_destructor(plugin)) {
    abandon("return from its destructor", destroy_deadline);
    return;
  }
  loop_.join();
  bus_.reset();
}

/// On a thread of its own, since its loop has ended and the main thread must go on.
bool PluginInstance::run_destructor(Plugin* plugin) {
  const auto has_ended = std::make_shared<bool>(false);
  std::thread([library = library_, plugin, main = core_->main, has_ended] {
    library->entry().destroy(plugin);
    main->post([has_ended] { *has_ended = true; });
  }).detach();
  return core_->main->run_until([&has_ended] { return *has_ended; },
                                MainLoop::now() + destroy_deadline);
}

void PluginInstance::refuse(std::string reason) {
  set_failed(reason);
}

void PluginInstance::postpone(std::string reason) {
  set_reason(std::move(reason));
}

void PluginInstance::set_next_attempt(TimePoint at) {
  const std::lock_guard lock(mutex_);
  next_attempt_ = at;
}

PluginInstance::Outcome PluginInstance::begin(const char* name, Step step) {
  const auto result = std::make_shared<std::optional<Result<>>>();
  loop_.post([main = core_->main, result, name, step = std::move(step)]() mutable {
    auto outcome = run_guarded(name, step);
    main->post([result, outcome = std::move(outcome)] { *result = outcome; });
  });
  return result;
}

std::optional<Result<>> PluginInstance::run(const char* name, Duration deadline, Step step) {
  const Outcome result = begin(name, std::move(step));
  core_->main->run_until([&result] { return result->has_value(); }, MainLoop::now() + deadline);
  return *result;
}

PluginStatus PluginInstance::status() const {
  const std::lock_guard lock(mutex_);
  return {manifest_, path_, state_, reason_, next_attempt_};
}

PluginState PluginInstance::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void PluginInstance::set_state(PluginState state) {
  const std::lock_guard lock(mutex_);
  state_ = state;
}

void PluginInstance::set_reason(std::string reason) {
  const std::lock_guard lock(mutex_);
  reason_ = std::move(reason);
}

void PluginInstance::set_failed(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  state_ = PluginState::failed;
  reason_ = reason;
}

void PluginInstance::abandon(const char* step, Duration deadline) {
  const char* const what = loop_.activity().what;
  set_failed(fmt::format("it did not {} within {} s (busy with '{}'); its thread is abandoned",
                         step, seconds(deadline), what == nullptr ? "nothing" : what));
  log_.error("plugin abandoned", "step", step, "deadline", deadline);
  has_ended_ = true;
  abandoned_self_ = shared_from_this();
  services_->withdraw();
}

void PluginInstance::fail(Error error) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (failure_) {
      return;
    }
    failure_ = std::move(error);
    if (state_ == PluginState::stopping) {
      log_.error("failed while stopping", "error", *failure_);
    }
    if (state_ != PluginState::started) {
      return;  // the step that runs now reports it
    }
    state_ = PluginState::failed;
    reason_ = failure_->message();
  }
  core_->main->post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->on_failure_(*self);
    }
  });
}

}  // namespace weft::host
