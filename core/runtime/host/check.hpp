#pragma once
/// What can be said about plugins and configurations without running a node.

#include <string>
#include <vector>

#include <weft/config.hpp>

#include "runtime/config/node_config.hpp"
#include "runtime/host/built_in.hpp"
#include "runtime/host/manifest.hpp"

namespace weft::host {

/// One line for each problem.
[[nodiscard]] WEFT_EXPORT std::vector<std::string> to_complaints(const config::Problems& problems);

/// Everything that would keep a node with the configuration in `path` from starting: the file, the
/// plugins' files and dependencies, and every plugin's own fields. Runs the plugins' constructors
/// and `describe`, and nothing else of them. Empty: all is well. Main thread; not inside a node.
[[nodiscard]] WEFT_EXPORT std::vector<std::string> check_config(const std::string& path,
                                                                BuiltInParts built_in);

/// A plugin file as it was found.
struct FoundPlugin {
  std::string path;
  Result<Manifest> manifest;
};

/// Every NAME.so in `directories`, sorted by path. Runs no plugin code.
[[nodiscard]] WEFT_EXPORT std::vector<FoundPlugin> list_plugins(
    const std::vector<std::string>& directories);

/// A field as its documentation tells it.
struct FieldDescription {
  std::string name;
  std::string type;
  std::string default_value;
  std::string help;
};

/// The fields of [plugin.NAME] for the plugin in `path`. Loads and constructs it.
[[nodiscard]] WEFT_EXPORT Result<std::vector<FieldDescription>> plugin_fields(
    const std::string& path);

}  // namespace weft::host
