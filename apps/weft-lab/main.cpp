/// weft-lab: makes clusters of network namespaces. `weft lab` starts it. Reads arguments and hands
/// over; see commands.hpp.

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>

#include "commands.hpp"
#include "console/print.hpp"
#include "console/unknown_arguments.hpp"
#include "demo/demo.hpp"

namespace {

using namespace weft::lab;

/// The exit code of whatever command the arguments name.
using Chosen = std::function<int()>;

/// What the arguments may set.
struct LabArguments {
  LabOptions options;
  LabTarget target;
  DemoOptions demo;
  std::string place;
  std::string other;
  std::vector<std::string> command;
  bool one_way = false;
};

CLI::App* add_command(CLI::App& lab, LabArguments& arguments, const char* name, const char* help) {
  auto* const command = lab.add_subcommand(name, help);
  command->add_option("--name", arguments.target.name, "Which lab")->capture_default_str();
  command->add_flag("--verbose", arguments.target.verbose, "Show every command that is run");
  return command;
}

void add_overlay_option(CLI::App& command, LabOptions& options) {
  command
      .add_option("--overlay", options.overlay, "The plugin that carries frames between the nodes")
      ->capture_default_str();
}

void add_up(CLI::App& lab, LabArguments& arguments, Chosen& chosen) {
  auto* const up = add_command(lab, arguments, "up", "Make the nodes and connect them");
  up->add_option("--nodes", arguments.options.nodes, "How many")->capture_default_str();
  up->add_option("--password-file", arguments.options.password_file,
                 "Encrypt with the password in this file");
  up->add_option("--underlay", arguments.options.underlay, "Network between the nodes")
      ->capture_default_str();
  add_overlay_option(*up, arguments.options);
  up->add_option("--plugin", arguments.options.plugins,
                 "The file of one more plugin that every node loads; may be repeated")
      ->check(CLI::ExistingFile);
  up->callback([&] {
    chosen = [&] {
      for (std::string& file : arguments.options.plugins) {
        file = std::filesystem::canonical(file).string();
      }
      arguments.options.name = arguments.target.name;
      arguments.options.verbose = arguments.target.verbose;
      return weft::lab::up(arguments.options);
    };
  });
}

void add_pod(CLI::App& lab, LabArguments& arguments, Chosen& chosen) {
  auto* const pod = lab.add_subcommand("pod", "Pods: namespaces attached by weft-cni");
  pod->require_subcommand(1);
  auto* const add = add_command(*pod, arguments, "add", "Attach a new pod to a node");
  add->add_option("pod", arguments.place, "Its name")->required();
  add->add_option("--node", arguments.other, "node1, node2, ...")->required();
  add->callback([&] {
    chosen = [&] { return weft::lab::add_pod(arguments.target, arguments.place, arguments.other); };
  });
  auto* const del = add_command(*pod, arguments, "del", "Detach and remove a pod");
  del->add_option("pod", arguments.place, "Its name")->required();
  del->callback(
      [&] { chosen = [&] { return weft::lab::delete_pod(arguments.target, arguments.place); }; });
  add_command(*pod, arguments, "list", "Pods and their addresses")->callback([&] {
    chosen = [&] { return weft::lab::list_pods(arguments.target); };
  });
}

void add_network(CLI::App& lab, LabArguments& arguments, Chosen& chosen) {
  auto* const cut = add_command(lab, arguments, "cut", "Drop what one node sends to another");
  cut->add_option("from", arguments.place, "node1, node2, ...")->required();
  cut->add_option("to", arguments.other, "node1, node2, ...")->required();
  cut->add_flag("--one-way", arguments.one_way, "Leave the way back open");
  cut->callback([&] {
    chosen = [&] {
      return weft::lab::cut(arguments.target, arguments.place, arguments.other, arguments.one_way);
    };
  });
  add_command(lab, arguments, "heal", "Undo every cut")->callback([&] {
    chosen = [&] { return weft::lab::heal(arguments.target); };
  });
  auto* const exec = add_command(lab, arguments, "exec", "Run a command in a node or pod");
  exec->add_option("target", arguments.place, "A node or pod")->required();
  exec->add_option("command", arguments.command, "The command, after '--'")->required();
  exec->callback([&] {
    chosen = [&] {
      return weft::lab::execute(arguments.target, arguments.place, arguments.command);
    };
  });
}

void add_demo(CLI::App& lab, LabArguments& arguments, Chosen& chosen) {
  auto* const demo = lab.add_subcommand("demo", "Make a lab, check what it does, remove it");
  arguments.demo.lab.name = "demo";
  demo->add_option("--name", arguments.demo.lab.name, "Which lab")->capture_default_str();
  demo->add_option("--nodes", arguments.demo.lab.nodes, "How many, from 3")->capture_default_str();
  demo->add_option("--password", arguments.demo.lab.password, "Encrypt with this password");
  add_overlay_option(*demo, arguments.demo.lab);
  demo->add_option("--report", arguments.demo.report, "Write the results to this file as JSON");
  demo->add_flag("--keep", arguments.demo.keep, "Leave the lab up");
  demo->add_flag("--verbose", arguments.demo.lab.verbose, "Show every command that is run");
  demo->callback([&] { chosen = [&] { return weft::lab::run_demo(arguments.demo); }; });
}

void add_commands(CLI::App& lab, LabArguments& arguments, Chosen& chosen) {
  add_up(lab, arguments, chosen);
  add_pod(lab, arguments, chosen);
  add_network(lab, arguments, chosen);
  add_demo(lab, arguments, chosen);
  add_command(lab, arguments, "status", "Nodes, connections, cuts and pods")->callback([&] {
    chosen = [&] { return weft::lab::show_status(arguments.target); };
  });
  add_command(lab, arguments, "down", "Remove every trace of the lab")->callback([&] {
    chosen = [&] { return weft::lab::down(arguments.target); };
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"A cluster of network namespaces on this machine", "weft lab"};
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Print the help of every command and exit");
  LabArguments arguments;
  Chosen chosen;
  add_commands(app, arguments, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (const std::string unknown = weft::console::explain_unknown_command(app);
        !unknown.empty() && error.get_exit_code() != 0) {
      std::fprintf(stderr, "weft-lab: %s\nRun with --help or --help-all for more information.\n",
                   unknown.c_str());
      return weft::console::exit_usage;
    }
    return app.exit(error) == 0 ? weft::console::exit_ok : weft::console::exit_usage;
  }
  return chosen();
}
