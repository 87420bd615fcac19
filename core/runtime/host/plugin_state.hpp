#pragma once
/// How far a plugin came, and why not further.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <weft/loop.hpp>

#include "runtime/host/manifest.hpp"

namespace weft::host {

///   discovered -> verified -> loaded -> configured -> starting -> started -> stopping -> stopped
///                     any but the first -> failed
enum class PluginState : std::uint8_t {
  discovered,  ///< its file was found
  verified,    ///< its manifest fits this host and its dependencies are there
  loaded,      ///< its code is in the process
  configured,  ///< constructed, and its configuration is bound
  starting,    ///< its start has not returned
  started,
  stopping,
  stopped,
  failed,
};

[[nodiscard]] constexpr std::string_view to_string(PluginState state) noexcept {
  switch (state) {
    case PluginState::discovered:
      return "discovered";
    case PluginState::verified:
      return "verified";
    case PluginState::loaded:
      return "loaded";
    case PluginState::configured:
      return "configured";
    case PluginState::starting:
      return "starting";
    case PluginState::started:
      return "started";
    case PluginState::stopping:
      return "stopping";
    case PluginState::stopped:
      return "stopped";
    case PluginState::failed:
      return "failed";
  }
  return "unknown";
}

/// What running plugins cannot do and why, by their own word for it.
using Troubles = std::map<std::string, std::string>;

/// A plugin for people and for the control socket.
struct PluginStatus {
  Manifest manifest;
  std::string path;
  PluginState state = PluginState::discovered;
  std::string reason;  ///< why it failed or what keeps it from starting, or empty
  std::optional<TimePoint> next_attempt{};  ///< when a failed plugin is started again
};

}  // namespace weft::host
