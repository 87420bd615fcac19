/// weft: the operator's command. Reads arguments and hands over; see commands.hpp.

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"

namespace {

using namespace weft::cli;

/// The exit code of whatever command the arguments name.
using Chosen = std::function<int()>;

void add_status(CLI::App& app, Options& options, Chosen& chosen) {
  auto* const status = app.add_subcommand("status", "What this node sees and does");
  status->require_subcommand(0, 1);
  status->add_flag("--json", options.json, "Machine-readable, with the report's field names");
  status->callback([&] {
    if (!chosen) {
      chosen = [&options] { return show_status(options, ""); };
    }
  });
  for (const auto& [name, help] :
       {std::pair{"peers", "Every peer and its connections"},
        std::pair{"connections", "This node's own connections, one per line"},
        std::pair{"ipam", "Who owns which share of the address range"},
        std::pair{"targets", "The peers this node was told to connect to"}}) {
    auto* const page = status->add_subcommand(name, help);
    page->add_flag("--json", options.json, "Machine-readable, with the report's field names");
    page->callback([&options, &chosen, page_name = std::string(name)] {
      chosen = [&options, page_name] { return show_status(options, page_name); };
    });
  }
}

void add_peers(CLI::App& app, const Options& options, Chosen& chosen,
               std::vector<std::string>& peers, bool& replace) {
  auto* const connect = app.add_subcommand("connect", "Connect to peers and keep trying");
  connect->add_option("peer", peers, "HOST or HOST:PORT")->required();
  connect->add_flag("--replace", replace, "Forget the peers named earlier");
  connect->callback([&] { chosen = [&] { return connect_peers(options, peers, replace); }; });

  auto* const forget = app.add_subcommand("forget", "Stop trying to connect to peers");
  forget->add_option("peer", peers, "As given to 'connect'")->required();
  forget->callback([&] { chosen = [&] { return forget_peers(options, peers); }; });
}

void add_plugin(CLI::App& app, Options& options, Chosen& chosen, std::string& file) {
  auto* const plugin = app.add_subcommand("plugin", "The parts a node is made of");
  plugin->require_subcommand(1);
  auto* const list = plugin->add_subcommand("list", "Plugins of the running node and their state");
  list->add_flag("--json", options.json, "Machine-readable");
  list->callback([&] { chosen = [&] { return list_plugins(options); }; });
  auto* const inspect =
      plugin->add_subcommand("inspect", "What a plugin file says about itself; runs none of it");
  inspect->add_option("file", file, "The .so file")->required();
  inspect->add_flag("--json", options.json, "Machine-readable");
  inspect->callback([&] { chosen = [&] { return inspect_plugin(options, file); }; });
}

void add_config(CLI::App& app, Chosen& chosen, std::string& file) {
  auto* const config = app.add_subcommand("config", "The node's configuration file");
  config->require_subcommand(1);
  auto* const check = config->add_subcommand("check", "Every mistake in it, with its place");
  check->add_option("file", file, "The file")->default_str("/etc/weft/weft.toml");
  check->callback(
      [&] { chosen = [&] { return check_config(file.empty() ? "/etc/weft/weft.toml" : file); }; });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Operates a weft node", "weft"};
  app.require_subcommand(1);
  Options options;
  Chosen chosen;
  std::vector<std::string> peers;
  bool replace = false;
  std::string file;
  app.add_option("--socket", options.socket, "weftd's control socket")->capture_default_str();
  add_status(app, options, chosen);
  add_peers(app, options, chosen, peers, replace);
  add_plugin(app, options, chosen, file);
  add_config(app, chosen, file);
  app.add_subcommand("metrics", "Counters and gauges as Prometheus text")->callback([&] {
    chosen = [&] { return show_metrics(options); };
  });
  app.add_subcommand("version", "This program's version")->callback([&] {
    chosen = [] { return show_version(); };
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  return chosen();
}
