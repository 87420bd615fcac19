#pragma once
/// Starting a plugin: a directory with everything in it, and the manifest for other build systems.

#include <string>
#include <string_view>
#include <vector>

#include <weft/result.hpp>

namespace weft::cli {

/// What a new plugin can begin as.
struct PluginKind {
  std::string_view name;
  std::string_view help;     ///< a clause for people
  std::string_view source;   ///< directory below share/weft
  std::string_view word;     ///< the name that stands in its files, such as "my-plugin"
  std::string_view library;  ///< of the SDK that it links besides weft::core; empty: none
};
[[nodiscard]] const std::vector<PluginKind>& plugin_kinds();

/// A plugin's name in the forms that its files use.
struct PluginName {
  std::string name;   ///< "peer-log": files, manifest, targets
  std::string scope;  ///< "peer_log_plugin": namespace and metrics; no C++ keyword ends so
  std::string type;   ///< "PeerLog": the class
};
/// Errors: Errc::invalid, what a name may be.
[[nodiscard]] Result<PluginName> parse_plugin_name(std::string_view name);

/// `text` of a template whose word is `word`, with `name` in its place. Pure.
[[nodiscard]] std::string fill_template(std::string text, std::string_view word,
                                        const PluginName& name);

/// Writes the directory of a new plugin. Errors: Errc::conflict when `directory` is there and not
/// empty; Errc::not_found without the SDK's templates; those of the file system.
[[nodiscard]] Result<> write_plugin(const PluginName& name, const PluginKind& kind,
                                    const std::string& templates, const std::string& directory);

/// The commands. `directory` is empty for one named like the plugin.
[[nodiscard]] int new_plugin(const std::string& name, const std::string& kind,
                             const std::string& directory);
/// Prints the C++ source that embeds plugin.toml `file` in a plugin, for builds without CMake.
[[nodiscard]] int embed_manifest(const std::string& file);

}  // namespace weft::cli
