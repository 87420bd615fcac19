#pragma once
/// What the `weft` command does, apart from reading its arguments. Each function prints its result
/// or one line of error and returns the exit code.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::cli {

struct Options {
  std::string socket = "/run/weft/weft.sock";
  bool json = false;
};

[[nodiscard]] int show_status(const Options& options);
/// The page `name` of the status, which a plugin serves.
[[nodiscard]] int show_page(const Options& options, const std::string& name);
/// The node's report through `format`: see format_report.
[[nodiscard]] int show_report(const Options& options, const std::string& format);
/// What the running plugins find when they look at themselves. Exit code 1 when something is wrong.
[[nodiscard]] int show_doctor(const Options& options);
[[nodiscard]] int show_metrics(const Options& options);
[[nodiscard]] int show_lanes(const Options& options);
[[nodiscard]] int show_topics(const Options& options);
/// Prints events as they are published, `count` of them, or without end when it is 0.
[[nodiscard]] int tap_topics(const Options& options, const std::vector<std::string>& topics,
                             std::uint64_t count);
[[nodiscard]] int show_commands(const Options& options);
[[nodiscard]] int connect_peers(const Options& options, const std::vector<std::string>& peers,
                                bool replace);
[[nodiscard]] int forget_peers(const Options& options, const std::vector<std::string>& peers);
[[nodiscard]] int list_plugins(const Options& options);
/// Has the node read its configuration again; plugins in `forced` restart even if unchanged. Exit
/// code 1 when a plugin does not run afterwards.
[[nodiscard]] int reload(const Options& options, const std::vector<std::string>& forced);
[[nodiscard]] int inspect_plugin(const Options& options, const std::string& file);
/// The fields of the plugin's configuration, as they would be written. Loads the plugin.
[[nodiscard]] int describe_plugin(const Options& options, const std::string& file);
/// The file, the plugins it lists and every plugin's own fields.
[[nodiscard]] int check_config(const Options& options, const std::string& file);
/// A configuration with every field, its help and its default. Of the plugin files `files`, or of
/// every plugin in `directory` when there are none. Loads the plugins.
[[nodiscard]] int show_defaults(const Options& options, const std::vector<std::string>& files,
                                const std::string& directory);

/// How plugin_graph shows what it found.
enum class GraphFormat : std::uint8_t { text, json, dot };
/// In which order plugins start and whom each needs. Of the plugin files `files`, or of those that
/// `config` lists when there are none. Runs none of them.
[[nodiscard]] int plugin_graph(const std::vector<std::string>& files, const std::string& config,
                               GraphFormat format);
[[nodiscard]] int show_version();

}  // namespace weft::cli
