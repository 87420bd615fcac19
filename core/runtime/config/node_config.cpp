/// Reads the operator's file and checks everything in it that is not a plugin's own.

#include "runtime/config/node_config.hpp"

#include <net/if.h>

#include <fcntl.h>
#include <cerrno>
#include <set>

#include <fmt/core.h>

#include <weft/small_file.hpp>
#include <weft/unique_fd.hpp>

#include "runtime/base/printable.hpp"
#include "runtime/config/binder.hpp"

namespace weft::config {
namespace {

constexpr std::size_t max_config_bytes = 1U << 20U;
/// What fits sockaddr_un::sun_path with its final zero. Source: unix(7).
constexpr std::size_t max_socket_path = 107;

/// Bytes of what other nodes and pages show.
constexpr std::size_t max_nickname = 255;

constexpr std::array<std::pair<std::string_view, LogLevel>, 4> log_levels{
    {{"debug", LogLevel::debug},
     {"info", LogLevel::info},
     {"warn", LogLevel::warn},
     {"error", LogLevel::error}}};

/// Where `key` of [host] stands, or the table itself when it has its default.
Position position_of(const Table& host, std::string_view key) {
  const Entry* const entry = host.find_entry(key);
  return entry == nullptr ? host.at : entry->at;
}

/// Source: Linux net/core/dev.c, dev_valid_name.
bool is_interface_name(std::string_view name) {
  return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
         name.find_first_of("/: \t\n\v\f\r") == name.npos;
}

void check_host(const Table& table, const HostConfig& host, const std::string& file,
                Problems& problems) {
  const auto refuse = [&](std::string_view key, std::string what) {
    problems.push_back({file, position_of(table, key), std::move(what)});
  };
  std::set<std::string_view> seen;
  for (const std::string& name : host.plugins) {
    if (!is_plugin_name(name)) {
      refuse("plugins", fmt::format("cannot load plugin '{}': want a name of at most 32 lower-case "
                                    "letters, digits, '-' and '_'",
                                    name));
    } else if (!seen.insert(name).second) {
      refuse("plugins", fmt::format("plugin '{}' is listed twice", name));
    }
  }
  const auto want_absolute = [&](std::string_view key, const std::string& path) {
    if (!path.starts_with('/')) {
      refuse(key, fmt::format("cannot set {} = \"{}\": want an absolute path", key, path));
    }
  };
  for (const std::string& directory : host.plugin_path) {
    want_absolute("plugin-path", directory);
  }
  want_absolute("state-directory", host.state_directory);
  want_absolute("run-directory", host.run_directory);
  want_absolute("control-socket", host.control_socket);
  if (!is_interface_name(host.bridge)) {
    refuse("bridge",
           fmt::format("cannot set bridge = \"{}\": an interface has 1 to {} characters, no space, "
                       "':' or '/'",
                       host.bridge, IFNAMSIZ - 1));
  }
  if (host.listen.port == 0) {
    refuse("listen", fmt::format("cannot set listen = \"{}\": want a port from 1 to 65535",
                                 net::to_string(host.listen)));
  }
  if (const std::string shown = one_line(host.nickname); shown != host.nickname) {
    refuse(
        "nickname",
        fmt::format("cannot set nickname = \"{}\": want text without control characters", shown));
  }
  if (host.nickname.size() > max_nickname) {
    refuse("nickname", fmt::format("cannot set nickname to {} bytes: want {} at most",
                                   host.nickname.size(), max_nickname));
  }
  if (host.control_socket.size() > max_socket_path) {
    refuse("control-socket", fmt::format("cannot set control-socket = \"{}\": want a path of at "
                                         "most {} bytes",
                                         host.control_socket, max_socket_path));
  }
}

HostConfig read_host(const Table& table, const std::string& file, Problems& problems) {
  HostConfig host;
  std::string log_level = "info";
  Schema schema;
  describe_host(schema, host, log_level);
  const Problems found = bind_table(table, schema, file);
  problems.insert(problems.end(), found.begin(), found.end());
  for (const auto& [word, level] : log_levels) {
    if (word == log_level) {
      host.log_level = level;
    }
  }
  if (host.control_socket.empty()) {
    host.control_socket = host.run_directory + "/weft.sock";
  }
  check_host(table, host, file, problems);
  return host;
}

/// Moves the tables below [plugin] to the plugins they configure.
std::map<std::string, Table> read_plugins(const Table& table, const HostConfig& host,
                                          const std::string& file, Problems& problems) {
  std::map<std::string, Table> plugins;
  for (const std::string& name : host.plugins) {
    plugins[name].key = name;
  }
  for (const Entry& entry : table.entries) {
    problems.push_back(
        {file, entry.at,
         fmt::format("unknown key 'plugin.{}': want a table [plugin.NAME]", entry.key)});
  }
  for (const Table& plugin : table.tables) {
    const auto found = plugins.find(plugin.key);
    if (found == plugins.end()) {
      problems.push_back({file, plugin.at,
                          fmt::format("[plugin.{}] configures a plugin that is not listed in "
                                      "host.plugins{}",
                                      plugin.key, did_you_mean(plugin.key, host.plugins))});
    } else {
      found->second = plugin;
    }
  }
  return plugins;
}

}  // namespace

bool is_plugin_name(std::string_view name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !name.empty() && name.size() <= 32 && std::ranges::all_of(name, is_allowed);
}

void describe_host(Schema& schema, HostConfig& config, std::string& log_level_word) {
  schema.field("plugins", config.plugins, "Plugins to load; nothing else is.");
  schema.field("plugin-path", config.plugin_path, "Directories searched for NAME.so, in order.");
  schema.field("state-directory", config.state_directory, "What survives a restart.");
  schema.field("run-directory", config.run_directory, "Sockets.");
  schema.field("control-socket", config.control_socket,
               "Unix socket of the control server; weft.sock in run-directory unless set.");
  schema.field(
      "name", config.name,
      "This peer's name; unless set, the one kept in state-directory/peer-name, else the MAC "
      "of `bridge` if that exists, else derived from the machine's ids.");
  schema.field("nickname", config.nickname,
               "This peer's name for humans; the host name unless set.");
  schema.field("listen", config.listen,
               "Where other nodes reach this one: TCP for the mesh, UDP for sleeve; fastdp takes "
               "the next port. Peers given without a port have this one.");
  schema.field("bridge", config.bridge, "The bridge that pods attach to.");
  schema.field("lanes", config.lanes, "Packet threads; 0 chooses by the number of cores.",
               {0, max_lanes});
  std::vector<std::string> words;
  for (const auto& [word, level] : log_levels) {
    words.emplace_back(word);
  }
  schema.choice("log-level", log_level_word, std::move(words), "The least severe level logged.");
}

tl::expected<NodeConfig, Problems> parse_node_config(std::string_view text, std::string file) {
  const auto document = parse_toml(text, file);
  if (!document) {
    return tl::unexpected(Problems{document.error()});
  }
  Problems problems;
  const std::vector<std::string> known{"host", "plugin"};
  const auto unknown = [&](const std::string& key, Position at, std::string_view kind) {
    problems.push_back(
        {file, at,
         fmt::format("unknown top-level {} '{}'{}", kind, key, did_you_mean(key, known))});
  };
  for (const Entry& entry : document->entries) {
    if (std::ranges::find(known, entry.key) != known.end()) {
      problems.push_back(
          {file, entry.at,
           fmt::format("'{}' is a table, not a value: want [{}] on a line of its own", entry.key,
                       entry.key == "host" ? "host" : "plugin.NAME")});
    } else {
      unknown(entry.key, entry.at, "key");
    }
  }
  for (const Table& table : document->tables) {
    if (std::ranges::find(known, table.key) == known.end()) {
      unknown(table.key, table.at, "table");
    }
  }
  static const Table absent;
  const Table* const host = document->find_table("host");
  const Table* const plugin = document->find_table("plugin");
  NodeConfig config;
  config.host = read_host(host == nullptr ? absent : *host, file, problems);
  config.plugins = read_plugins(plugin == nullptr ? absent : *plugin, config.host, file, problems);
  config.file = std::move(file);
  if (!problems.empty()) {
    std::ranges::stable_sort(problems, {}, &Problem::at);
    return tl::unexpected(std::move(problems));
  }
  return config;
}

tl::expected<NodeConfig, Problems> load_node_config(const std::string& path) {
  // A FIFO would block in open, and a terminal in read.
  const UniqueFd file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file && !is_regular(file)) {
    return tl::unexpected(
        Problems{{path, {}, "cannot read the configuration: it is not a regular file"}});
  }
  const auto text = file ? read_all(file, max_config_bytes) : tl::unexpected(errno);
  if (!text) {
    const auto error = fail(text.error(), "read the configuration");
    return tl::unexpected(Problems{{path, {}, error.value().message()}});
  }
  return parse_node_config(*text, path);
}

}  // namespace weft::config
