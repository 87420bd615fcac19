/// Brings a lab up and takes it down.

#include "lab.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <fmt/format.h>

#include "console/json.hpp"
#include "runtime/control/client.hpp"

namespace weft::lab {

using namespace console;

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds connect_patience{60};
constexpr std::chrono::seconds stop_patience{8};  // a plugin's own limit is 5 s
constexpr std::chrono::milliseconds poll_interval{100};
constexpr std::chrono::seconds answer_patience{5};

Result<> write_file(const std::string& path, std::string_view text, mode_t mode = 0644) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) {
    return fail(errno, "write '" + path + "'");
  }
  const ssize_t written = ::write(fd, text.data(), text.size());
  ::close(fd);
  return written == static_cast<ssize_t>(text.size()) ? Result<>{}
                                                      : fail(EIO, "write '" + path + "'");
}

Result<> make_directory(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  fs::permissions(path, fs::perms::owner_all, error);
  return error ? fail(error.value(), "make directory '" + path + "'") : Result<>{};
}

/// Where `ip netns` keeps them.
std::vector<std::string> list_netns(const std::string& prefix) {
  std::vector<std::string> names;
  std::error_code error;  // no directory: no namespaces
  for (const auto& entry : fs::directory_iterator("/run/netns", error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix)) {
      names.push_back(name);
    }
  }
  return names;
}

std::vector<pid_t> processes_in(const std::string& netns, bool verbose) {
  std::vector<pid_t> pids;
  const auto text = run_ok({{"ip", "netns", "pids", netns}, {}, {}}, verbose);
  if (text) {
    std::istringstream lines(*text);
    for (pid_t pid = 0; lines >> pid;) {
      pids.push_back(pid);
    }
  }
  return pids;
}

std::string last_lines(const std::string& path) {
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  constexpr std::size_t enough = 1500;
  return text.size() > enough ? "..." + text.substr(text.size() - enough) : text;
}

}  // namespace

Lab::Lab(LabOptions options, LabPlan plan, LabPrograms programs)
    : options_(std::move(options)), plan_(std::move(plan)), programs_(std::move(programs)) {}

Result<Lab> Lab::create(const LabOptions& options) {
  LabPlan plan;
  WEFT_TRY(plan, plan_lab(options));
  LabPrograms programs;
  WEFT_TRY(programs, find_programs());
  if (::geteuid() != 0) {
    return fail(Errc::denied, "make a lab: network namespaces need root");
  }
  return Lab(options, std::move(plan), std::move(programs));
}

Result<Lab> Lab::open(const std::string& name, bool verbose) {
  LabOptions options;
  options.name = name;
  options.verbose = verbose;
  LabPlan plan;
  WEFT_TRY(plan, plan_lab(options));
  std::ifstream file(plan.directory + "/lab.json");
  if (!file) {
    return fail(Errc::not_found, "find lab '" + name + "': it is not up; 'weft lab up' makes it");
  }
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  Json record;
  WEFT_TRY(record, parse_json(text, "lab.json"));
  options.nodes = static_cast<unsigned>(number_of(record, "nodes"));
  options.underlay = text_of(record, "underlay");
  options.overlay = text_of(record, "overlay");
  return create(options);
}

Result<> Lab::up() {
  if (!list_netns(plan_.netns_prefix).empty()) {
    return fail(Errc::conflict, "make lab '" + plan_.name + "': it is up; 'weft lab down --name " +
                                    plan_.name + "' first");
  }
  WEFT_TRY(write_files());
  WEFT_TRY(make_underlay());
  for (const LabNode& node : plan_.nodes) {
    WEFT_TRY(make_node(node));
  }
  for (const LabNode& node : plan_.nodes) {
    WEFT_TRY(start_node(node));
  }
  return wait_connected(connect_patience);
}

Result<> Lab::write_files() const {
  std::error_code error;
  fs::remove_all(plan_.directory, error);  // what a lab left that ended without its `down`
  WEFT_TRY(make_directory(plan_.directory + "/pods"));
  WEFT_TRY(make_directory(plan_.directory + "/bin"));
  const Json record{{"nodes", plan_.nodes.size()},
                    {"underlay", options_.underlay},
                    {"overlay", options_.overlay}};
  WEFT_TRY(write_file(plan_.directory + "/lab.json", record.dump()));
  std::string password_file;
  WEFT_TRY(password_file, prepare_password());
  // Container runtimes call the program by its network type's name.
  fs::create_symlink(programs_.cni, plan_.directory + "/bin/weave-net", error);
  if (error) {
    return fail(error.value(), "link weave-net to '" + programs_.cni + "'");
  }
  for (const LabNode& node : plan_.nodes) {
    WEFT_TRY(make_directory(node.directory + "/state"));
    WEFT_TRY(write_file(node.directory + "/weft.toml",
                        node_config(plan_, node, programs_, password_file)));
  }
  return {};
}

Result<std::string> Lab::prepare_password() const {
  if (!options_.password.empty()) {
    const std::string path = plan_.directory + "/password";
    WEFT_TRY(write_file(path, options_.password, /*mode=*/0600));
    return path;
  }
  if (options_.password_file.empty()) {
    return std::string();
  }
  std::error_code error;
  const std::string path = fs::absolute(options_.password_file, error).string();
  if (::access(path.c_str(), R_OK) != 0) {
    return fail(errno, "read password file '" + path + "'");
  }
  return path;
}

Result<> Lab::start_node(const LabNode& node) {
  WEFT_TRY(daemons_[node.name], start_daemon(inside(node.netns, {programs_.daemon, "--config",
                                                                 node.directory + "/weft.toml"}),
                                             node.directory + "/weftd.log", is_verbose()));
  return {};
}

Result<> Lab::check_daemons() {
  for (const LabNode& node : plan_.nodes) {
    const auto daemon = daemons_.find(node.name);
    if (daemon != daemons_.end() && ::waitpid(daemon->second, nullptr, WNOHANG) != 0) {
      daemons_.erase(daemon);
      return fail(Errc::closed, "keep weftd of " + node.name + " running; its log ends:\n" +
                                    last_lines(node.directory + "/weftd.log"));
    }
  }
  return {};
}

/// Routes count as well: frames flow when the peers have told each other of their connections.
Result<Lab::Progress> Lab::connection_progress(const LabNode& node) const {
  std::string text;
  WEFT_TRY(text, ask(node, "mesh.connections"));
  Json connections;
  WEFT_TRY(connections, parse_json(text, "connections"));
  WEFT_TRY(text, ask(node, "mesh.status"));
  Json mesh;
  WEFT_TRY(mesh, parse_json(text, "the mesh's status"));
  WEFT_TRY(text, ask(node, "status"));
  Json status;
  WEFT_TRY(status, parse_json(text, "the node's status"));
  Progress progress;
  for (const Json& plugin : member(status, "Plugins")) {
    if (const std::string state = text_of(plugin, "State");
        state == "configured" || state == "starting") {
      progress.starting = text_of(plugin, "Name");
    }
  }
  for (const Json& connection : connections) {
    progress.established += text_of(connection, "State") == "established" ? 1 : 0;
  }
  progress.routes = member(mesh, "UnicastRoutes").size();
  return progress;
}

Result<> Lab::wait_connected(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (const LabNode& node : plan_.nodes) {
    while (true) {
      WEFT_TRY(check_daemons());
      const auto connected = connection_progress(node);
      if (connected && connected->starting.empty() && connected->routes >= plan_.nodes.size() &&
          connected->established + 1 >= plan_.nodes.size()) {
        break;
      }
      if (was_interrupted()) {
        return fail(Errc::cancelled, "wait for the nodes to connect");
      }
      if (std::chrono::steady_clock::now() >= deadline) {
        if (connected && !connected->starting.empty()) {
          return fail(Errc::timeout,
                      fmt::format("start plugin '{}' of {} in time; the log is {}/weftd.log",
                                  connected->starting, node.name, node.directory));
        }
        return connected
                   ? fail(Errc::timeout,
                          fmt::format("connect {}: {} of {} connections are established, {} "
                                      "of {} peers have a route; the log is {}/weftd.log",
                                      node.name, connected->established, plan_.nodes.size() - 1,
                                      connected->routes, plan_.nodes.size(), node.directory))
                   : fail(Errc::timeout,
                          fmt::format("reach {}: {}", node.name, connected.error().message()));
      }
      pause_for(poll_interval);
    }
  }
  return {};
}

Result<> Lab::down(const std::string& name, bool verbose) {
  LabOptions options;
  options.name = name;
  LabPlan plan;
  WEFT_TRY(plan, plan_lab(options));
  Result<> outcome = remove_netns(list_netns(plan.netns_prefix), verbose);
  std::error_code error;
  fs::remove_all(plan.directory, error);
  if (error && outcome) {
    outcome = fail(error.value(), "remove '" + plan.directory + "'");
  }
  return outcome;
}

Result<> Lab::remove_netns(const std::vector<std::string>& namespaces, bool verbose) {
  std::vector<pid_t> pids;
  for (const std::string& netns : namespaces) {
    const auto inside_it = processes_in(netns, verbose);
    pids.insert(pids.end(), inside_it.begin(), inside_it.end());
  }
  end_processes(pids, stop_patience);
  Result<> outcome;
  for (const std::string& netns : namespaces) {
    const auto removed = run_ok({{"ip", "netns", "delete", netns}, {}, {}}, verbose);
    if (!removed && outcome) {
      outcome = tl::unexpected(removed.error());
    }
  }
  return outcome;
}

Result<std::string> Lab::ask(const LabNode& node, std::string_view command) const {
  return control::call(node.socket, command, "", answer_patience);
}

Result<std::string> Lab::netns_of(const std::string& target) const {
  if (const LabNode* const node = plan_.find_node(target)) {
    return node->netns;
  }
  if (check_pod_name(target) && fs::exists(plan_.pod_record(target))) {
    return plan_.pod_netns(target);
  }
  return fail(Errc::not_found,
              "find '" + target + "': it is neither a node nor a pod of lab '" + plan_.name + "'");
}

Arguments Lab::inside(const std::string& netns, Arguments argv) {
  // `ip netns exec` also gives the command the namespace's own view of /sys.
  Arguments all{"ip", "netns", "exec", netns};
  all.insert(all.end(), std::make_move_iterator(argv.begin()), std::make_move_iterator(argv.end()));
  return all;
}

Result<std::string> Lab::run_in(const std::string& netns, Arguments argv) const {
  return run_ok({inside(netns, std::move(argv)), {}, {}}, is_verbose());
}

}  // namespace weft::lab
