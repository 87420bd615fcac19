#pragma once
/// The operator's file: which plugins run, where they are, and one table for each.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <weft/config.hpp>
#include <weft/log.hpp>
#include <weft/metrics.hpp>
#include <weft/net/ip.hpp>

#include "runtime/config/toml.hpp"

namespace weft::config {

/// The `[host]` table.
struct HostConfig {
  std::vector<std::string> plugins;  ///< names, in the operator's order
  std::vector<std::string> plugin_path{"/usr/lib/weft/plugins"};
  std::string state_directory = "/var/lib/weft";
  std::string run_directory = "/run/weft";
  std::string control_socket;  ///< never empty once read: <run_directory>/weft.sock
  PeerName name = unknown_peer;
  std::string nickname;  ///< empty: the host name
  net::Endpoint listen{net::IpAddress{net::Family::v6, {}}, 6783};
  std::string bridge = "weave";
  std::uint32_t lanes = 0;  ///< 0: as many as suit the machine
  LogLevel log_level = LogLevel::info;
};

struct NodeConfig {
  std::string file;
  HostConfig host;
  std::map<std::string, Table> plugins;  ///< by name, one for every listed plugin
};

/// Plugin names are file and thread names: at most 32 lower-case letters, digits, '-' and '_'.
[[nodiscard]] WEFT_EXPORT bool is_plugin_name(std::string_view name);

/// Everything that is wrong with a configuration; never empty.
using Problems = std::vector<Problem>;

/// A pure function of hostile input. Checks all but the plugins' own fields.
[[nodiscard]] WEFT_EXPORT tl::expected<NodeConfig, Problems> parse_node_config(
    std::string_view text, std::string file);

/// Reads and parses `path`. Blocks for one file.
[[nodiscard]] WEFT_EXPORT tl::expected<NodeConfig, Problems> load_node_config(
    const std::string& path);

/// Declares the fields of `[host]`. `log_level_word` takes the word of log-level.
WEFT_EXPORT void describe_host(Schema& schema, HostConfig& config, std::string& log_level_word);

}  // namespace weft::config
