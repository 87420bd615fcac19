/// weft: the operator's command. Reads arguments and hands over; see commands.hpp.

#include <CLI/CLI.hpp>

#include <fmt/core.h>

#include "address_arguments.hpp"
#include "commands.hpp"
#include "console/own_path.hpp"
#include "console/print.hpp"
#include "console/unknown_arguments.hpp"
#include "other_program.hpp"
#include "plugin_new.hpp"

namespace {

using namespace weft::cli;
using namespace weft::console;

/// The exit code of whatever command the arguments name.
using Chosen = std::function<int()>;

void add_status(CLI::App& app, Options& options, Chosen& chosen, std::string& page) {
  auto* const status = app.add_subcommand("status", "What this node sees and does");
  status->add_option("page", page,
                     "More about one thing, as a plugin of the node shows it: 'peers', "
                     "'connections', 'targets', 'ipam'; 'weft commands' lists them as page.PAGE");
  status->add_flag("--json", options.json, "Machine-readable, with the report's field names");
  status->callback([&] {
    chosen = [&] { return page.empty() ? show_status(options) : show_page(options, page); };
  });
}

void add_report(CLI::App& app, const Options& options, Chosen& chosen, std::string& format) {
  auto* const report =
      app.add_subcommand("report", "All that this node knows, as JSON in Weave Net's shape");
  report->add_option("-f,--format", format,
                     "Only this: a path, '.Router.Peers[*].Name', or a template, "
                     "'{{range .Router.Peers}}{{.Name}} {{end}}', with json, len, range, if, with, "
                     "else and end");
  report->callback([&] { chosen = [&] { return show_report(options, format); }; });
}

void add_doctor(CLI::App& app, Options& options, Chosen& chosen) {
  auto* const doctor = app.add_subcommand(
      "doctor", "Whether what should protect and connect pods is in force; exit status 1 if not");
  doctor->add_flag("--json", options.json, "Machine-readable");
  doctor->callback([&] { chosen = [&] { return show_doctor(options); }; });
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

/// What the arguments of `weft plugin` and `weft config` may set.
struct FileArguments {
  std::string file;
  std::vector<std::string> files;
  std::string config = "/etc/weft/weft.toml";
  std::string directory = "/usr/lib/weft/plugins";
  bool dot = false;
};

CLI::App& add_plugin(CLI::App& app, Options& options, Chosen& chosen, FileArguments& arguments) {
  auto* const plugin = app.add_subcommand("plugin", "The parts a node is made of");
  plugin->require_subcommand(1);
  auto* const list = plugin->add_subcommand("list", "Plugins of the running node and their state");
  list->add_flag("--json", options.json, "Machine-readable");
  list->callback([&] { chosen = [&] { return list_plugins(options); }; });
  auto* const inspect =
      plugin->add_subcommand("inspect", "What a plugin file says about itself; runs none of it");
  inspect->add_option("file", arguments.file, "The .so file")->required();
  inspect->add_flag("--json", options.json, "Machine-readable");
  inspect->callback([&] { chosen = [&] { return inspect_plugin(options, arguments.file); }; });
  auto* const schema =
      plugin->add_subcommand("schema",
                             "The configuration fields of a plugin file, with defaults; runs its "
                             "constructor and its describe()");
  schema->add_option("file", arguments.file, "The .so file")->required();
  schema->add_flag("--json", options.json, "Machine-readable");
  schema->callback([&] { chosen = [&] { return describe_plugin(options, arguments.file); }; });
  auto* const graph = plugin->add_subcommand(
      "graph", "In which order plugins start and whom each needs; runs none of them");
  graph->add_option("file", arguments.files, "The .so files; else those of the configuration");
  graph->add_option("--config", arguments.config, "The configuration")->capture_default_str();
  auto* const json = graph->add_flag("--json", options.json, "Machine-readable");
  graph->add_flag("--dot", arguments.dot, "For Graphviz")->excludes(json);
  graph->callback([&] {
    chosen = [&] {
      return plugin_graph(arguments.files, arguments.config,
                          options.json    ? GraphFormat::json
                          : arguments.dot ? GraphFormat::dot
                                          : GraphFormat::text);
    };
  });
  return *plugin;
}

/// What `weft plugin new` may set.
struct NewPlugin {
  std::string name;
  std::string kind;
  std::string directory;
};

void add_plugin_author(CLI::App& plugin, Chosen& chosen, NewPlugin& made, std::string& file) {
  auto* const create = plugin.add_subcommand("new", "A directory to begin a plugin with");
  create->add_option("name", made.name, "Lower-case letters, digits, '-' and '_'")->required();
  std::string kinds;
  for (const PluginKind& kind : plugin_kinds()) {
    kinds += fmt::format("\n  {}: {}", kind.name, kind.help);
  }
  create->add_option("--kind", made.kind, "What it begins as:" + kinds)->required();
  create->add_option("--directory", made.directory, "Where; ./NAME unless given");
  create->callback(
      [&] { chosen = [&] { return new_plugin(made.name, made.kind, made.directory); }; });
  auto* const embed = plugin.add_subcommand(
      "embed", "Print the C++ source that holds a manifest, for builds without CMake");
  embed->add_option("file", file, "The plugin.toml")->required();
  embed->callback([&] { chosen = [&] { return embed_manifest(file); }; });
}

void add_reload(CLI::App& app, Options& options, Chosen& chosen, std::vector<std::string>& names) {
  auto* const reload =
      app.add_subcommand("reload", "Read the configuration again; restart only what changed");
  reload->add_option("plugin", names, "Restart these even if their tables are the same");
  reload->add_flag("--json", options.json, "Machine-readable");
  reload->callback([&] { chosen = [&] { return weft::cli::reload(options, names); }; });
}

void add_config(CLI::App& app, Chosen& chosen, Options& options, FileArguments& arguments) {
  auto* const config = app.add_subcommand("config", "The node's configuration file");
  config->require_subcommand(1);
  auto* const check = config->add_subcommand("check", "Every mistake in it, with its place");
  check->add_option("file", arguments.config, "The file")->capture_default_str();
  check->add_flag("--json", options.json, "Machine-readable");
  check->callback([&] { chosen = [&] { return check_config(options, arguments.config); }; });
  auto* const defaults = config->add_subcommand(
      "defaults",
      "Every field with its default and help, as a configuration; runs the plugins' "
      "constructors and their describe()");
  defaults->add_option("file", arguments.files,
                       "The plugins' .so files; else those of a directory");
  defaults->add_option("--plugin-path", arguments.directory, "That directory")
      ->capture_default_str();
  defaults->add_flag("--json", options.json, "Machine-readable");
  defaults->callback([&] {
    chosen = [&] { return show_defaults(options, arguments.files, arguments.directory); };
  });
}

/// What the arguments of `weft bus` may set.
struct BusArguments {
  std::vector<std::string> topics;
  std::uint64_t count = 0;
};

void add_bus(CLI::App& app, Options& options, Chosen& chosen, BusArguments& arguments) {
  auto* const bus = app.add_subcommand("bus", "The events that the node's plugins exchange");
  bus->require_subcommand(1);
  auto* const topics = bus->add_subcommand("topics", "Topics, their readers and how they keep up");
  topics->add_flag("--json", options.json, "Machine-readable");
  topics->callback([&] { chosen = [&] { return show_topics(options); }; });
  auto* const tap = bus->add_subcommand("tap", "Follow topics: current values, then each event");
  tap->add_option("topics", arguments.topics,
                  "As 'weft bus topics' lists them, or patterns: 'weft.mesh.*'")
      ->required();
  tap->add_option("--count", arguments.count, "End after this many events; 0: never")
      ->capture_default_str();
  tap->add_flag("--json", options.json, "Machine-readable, one event per line");
  tap->callback(
      [&] { chosen = [&] { return tap_topics(options, arguments.topics, arguments.count); }; });
}

void add_counts(CLI::App& app, Options& options, Chosen& chosen) {
  auto* const commands = app.add_subcommand("commands", "What the node's control socket takes");
  commands->add_flag("--json", options.json, "Machine-readable, with what each answers");
  commands->callback([&] { chosen = [&] { return show_commands(options); }; });
  auto* const metrics =
      app.add_subcommand("metrics", "Every metric of the node, as Prometheus text");
  metrics->add_flag("--json", options.json, "As JSON");
  metrics->callback([&] { chosen = [&] { return show_metrics(options); }; });
  auto* const lanes = app.add_subcommand("lanes", "What the packet threads do");
  lanes->add_flag("--json", options.json, "Machine-readable");
  lanes->callback([&] { chosen = [&] { return show_lanes(options); }; });
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* const command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

/// Whether weft itself carries the command out.
bool is_own(const CLI::App& app, const std::string& name) {
  const bool is_listed =
      !app.get_subcommands([&](const CLI::App* command) { return command->get_name() == name; })
           .empty();
  return is_listed &&
         std::ranges::find(other_programs(), name, &OtherProgram::name) == other_programs().end();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Operates a weft node", "weft"};
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Print the help of every command and exit");
  Options options;
  Chosen chosen;
  std::vector<std::string> peers;
  bool replace = false;
  std::vector<std::string> plugins;
  FileArguments files;
  BusArguments bus;
  app.add_option("--socket", options.socket, "weftd's control socket")
      ->envname("WEFT_SOCKET")
      ->capture_default_str();
  std::string page;
  add_status(app, options, chosen, page);
  std::string format;
  add_report(app, options, chosen, format);
  add_doctor(app, options, chosen);
  add_peers(app, options, chosen, peers, replace);
  NewPlugin made;
  add_plugin_author(add_plugin(app, options, chosen, files), chosen, made, files.file);
  AddressArguments addresses;
  add_address_commands(app, options, chosen, addresses);
  add_reload(app, options, chosen, plugins);
  add_config(app, chosen, options, files);
  add_bus(app, options, chosen, bus);
  add_counts(app, options, chosen);
  for (const OtherProgram& program : other_programs()) {
    app.add_subcommand(std::string(program.name), std::string(program.help));
  }
  app.add_subcommand("version", "This program's version")->callback([&] {
    chosen = [] { return show_version(); };
  });
  if (const auto command = named_command({argv, static_cast<std::size_t>(argc)});
      command && !is_own(app, command->name)) {
    const auto own = own_path();
    return own ? start_other_program(own->parent_path(), *command, commands_of(app))
               : report_error(own.error());
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (const std::string unknown = explain_unknown_command(app);
        !unknown.empty() && error.get_exit_code() != 0) {
      std::fprintf(stderr, "weft: %s\nRun with --help or --help-all for more information.\n",
                   unknown.c_str());
      return exit_usage;
    }
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  return chosen();
}
