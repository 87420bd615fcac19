#pragma once
/// What a changed configuration means for the plugins that run. Pure.

#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config/node_config.hpp"
#include "runtime/host/manifest.hpp"

namespace weft::host {

/// A plugin of the running node, as far as planning is concerned.
struct RunningPlugin {
  const Manifest* manifest = nullptr;
  const config::Table* table = nullptr;  ///< as it was configured with
  bool has_failed = false;
  std::function<bool(std::string_view service)> is_pinned;  ///< it may hold on to a provider of it
};

/// What happens to one plugin.
struct ReloadStep {
  enum class Action : std::uint8_t { keep, start, restart, stop };

  std::string name;
  Action action = Action::keep;
  std::string reason;  ///< a clause for people; empty when kept
};

[[nodiscard]] constexpr std::string_view to_string(ReloadStep::Action action) noexcept {
  switch (action) {
    case ReloadStep::Action::keep:
      return "kept";
    case ReloadStep::Action::start:
      return "started";
    case ReloadStep::Action::restart:
      return "restarted";
    case ReloadStep::Action::stop:
      return "stopped";
  }
  return "unknown";
}

struct WEFT_EXPORT ReloadPlan {
  std::vector<ReloadStep> steps;   ///< in the new file's order, then what is stopped for good
  std::set<std::string> services;  ///< those whose provider changes

  [[nodiscard]] const ReloadStep* find(std::string_view name) const;
  [[nodiscard]] bool changes_anything() const;
};

/// How a reload went.
struct Reloaded {
  ReloadPlan plan;
  std::vector<std::string> told;  ///< plugins that go on with another provider, or none
};

/// A plugin restarts when its table changed, when it failed, when it is in `forced`, and when it
/// holds on to a service whose provider restarts, starts or stops; nothing else is touched.
/// `added` has the manifest of every plugin that does not run yet.
[[nodiscard]] WEFT_EXPORT ReloadPlan plan_reload(std::span<const RunningPlugin> running,
                                                 const config::NodeConfig& next,
                                                 const std::map<std::string, Manifest>& added,
                                                 const std::set<std::string>& forced);

/// Plugins in `reasons` restart, each for its reason, and so does a plugin that holds on to one of
/// `services`.
[[nodiscard]] WEFT_EXPORT ReloadPlan
plan_restarts(std::span<const RunningPlugin> running,
              const std::map<std::string, std::string>& reasons, std::set<std::string> services);

/// Fields of [host] that differ but cannot change while the node runs; a clause for each.
[[nodiscard]] WEFT_EXPORT std::vector<std::string> fixed_host_changes(
    const config::HostConfig& now, const config::HostConfig& next);

}  // namespace weft::host
