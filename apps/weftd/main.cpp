/// weftd: reads its arguments, runs a node, stops it on a signal.

#include <getopt.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "fabric/built_in.hpp"
#include "notify.hpp"
#include "readiness.hpp"
#include "runtime/config/node_config.hpp"
#include "runtime/host/check.hpp"
#include "runtime/host/main_loop.hpp"
#include "runtime/host/node.hpp"
#include "runtime/host/version.hpp"

namespace weft::daemon {
namespace {

struct Arguments {
  std::string config = "/etc/weft/weft.toml";
  bool is_check = false;
  bool wants_version = false;
  bool wants_help = false;
  bool is_valid = true;
};

constexpr const char* usage =
    "usage: weftd [--config FILE] [--check] [--version]\n"
    "  -c, --config FILE  the configuration (default /etc/weft/weft.toml)\n"
    "  -k, --check        load and check everything, start nothing\n"
    "  -v, --version      print the version\n";

Arguments parse_arguments(int argc, char** argv) {
  constexpr std::array<option, 5> options{{{"config", required_argument, nullptr, 'c'},
                                           {"check", no_argument, nullptr, 'k'},
                                           {"version", no_argument, nullptr, 'v'},
                                           {"help", no_argument, nullptr, 'h'},
                                           {nullptr, 0, nullptr, 0}}};
  Arguments arguments;
  for (int found = 0; found != -1;) {
    found = getopt_long(argc, argv, "c:kvh", options.data(), nullptr);
    switch (found) {
      case 'c':
        arguments.config = optarg;
        break;
      case 'k':
        arguments.is_check = true;
        break;
      case 'v':
        arguments.wants_version = true;
        break;
      case 'h':
        arguments.wants_help = true;
        break;
      case -1:
        break;
      default:
        arguments.is_valid = false;
    }
  }
  arguments.is_valid = arguments.is_valid && optind == argc;
  return arguments;
}

/// Each peer takes some: the usual limit of 1024 is for programs that use select().
void allow_many_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

int report(const std::vector<std::string>& complaints) {
  for (const std::string& complaint : complaints) {
    std::fprintf(stderr, "weftd: %s\n", complaint.c_str());
  }
  return complaints.empty() ? EXIT_SUCCESS : EXIT_FAILURE;
}

/// Starts the node, runs it and stops it; the error that ended it, if one did.
Result<> run(host::Node& node) {
  WEFT_TRY(node.start());
  node.announce();
  return node.run();
}

int run_node(const std::string& path) {
  allow_many_descriptors();
  const auto main_loop = std::make_shared<host::MainLoop>();
  std::unique_ptr<host::Node> node;
  bool was_asked = false;
  const auto watching = main_loop->on_signals({SIGTERM, SIGINT, SIGHUP}, [&](int signal) {
    if (signal == SIGHUP) {
      if (node) {
        node->request_reload({}, [](const Result<host::Reloaded>&) {});  // the node logs it
      }
      return;
    }
    if (std::exchange(was_asked, true)) {
      _exit(EXIT_FAILURE);
    }
    if (node) {
      node->request_stop();
    }
  });
  if (!watching) {
    return report({watching.error().message()});
  }
  auto config = config::load_node_config(path);
  if (!config) {
    return report(host::to_complaints(config.error()));
  }
  Readiness readiness{notify};
  const auto patience = main_loop->every(Readiness::patience, [&] { readiness.end_patience(); });
  host::NodeOptions options;
  options.built_in = {fabric::built_in()};
  options.on_change = [&](bool is_ready, const std::string& summary) {
    readiness.change(is_ready, summary);
  };
  auto created = host::Node::create(*std::move(config), main_loop, std::move(options));
  if (!created) {
    return report(created.error());
  }
  node = *std::move(created);
  if (was_asked) {
    node->request_stop();
  }
  const auto outcome = run(*node);
  notify("STOPPING=1");
  node->stop();
  return outcome ? EXIT_SUCCESS : report({outcome.error().message()});
}

int run_program(int argc, char** argv) {
  const Arguments arguments = parse_arguments(argc, argv);
  if (!arguments.is_valid || arguments.wants_help) {
    std::fputs(usage, arguments.is_valid ? stdout : stderr);
    return arguments.is_valid ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  if (arguments.wants_version) {
    std::printf("weftd %s\n", std::string(host::product_version()).c_str());
    return EXIT_SUCCESS;
  }
  return arguments.is_check ? report(host::check_config(arguments.config, {fabric::built_in()}))
                            : run_node(arguments.config);
}

}  // namespace
}  // namespace weft::daemon

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const int status = weft::daemon::run_program(argc, argv);
#ifdef NDEBUG
  // Everything was stopped in order; static destructors of plugins could only do harm now.
  std::fflush(nullptr);
  _exit(status);
#else
  return status;
#endif
}
