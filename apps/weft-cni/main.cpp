/// weft-cni: the CNI plugin that container runtimes start for each pod.

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include "commands.hpp"
#include "environment.hpp"
#include "network_config.hpp"

namespace {

using weft::cni::Code;
using weft::cni::Command;
using weft::cni::Invocation;
using weft::cni::NetworkConfig;
using weft::cni::Outcome;

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

Outcome<std::string> read_input() {
  std::string text;
  std::array<char, 16384> chunk{};
  while (const ssize_t got = ::read(STDIN_FILENO, chunk.data(), chunk.size())) {
    if (got < 0 || text.size() > weft::cni::max_config_bytes) {
      return weft::cni::refuse(Code::decode_failure,
                               "cannot read the configuration: it is too long, or reading failed");
    }
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return text;
}

/// A DEL must clean up whatever can be, even when its configuration went bad.
Outcome<NetworkConfig> read_config(std::string_view text, Command command) {
  auto config = weft::cni::parse_config(text);
  if (!config && command == Command::del) {
    std::fprintf(stderr, "weft-cni: %s; removing the pod all the same\n",
                 config.error().message.c_str());
    return weft::cni::removal_config(text);
  }
  return config;
}

/// What to print on success. `version` becomes the configuration's, for errors too.
Outcome<std::string> run(std::string_view program, std::string& version) {
  Invocation invocation;
  WEFT_TRY(invocation, weft::cni::read_invocation(variable));
  if (invocation.command == Command::version) {
    return weft::cni::format_versions();
  }
  std::string text;
  WEFT_TRY(text, read_input());
  NetworkConfig config;
  WEFT_TRY(config, read_config(text, invocation.command));
  version = config.version;
  if (invocation.command == Command::check && !version.starts_with("1.") && version != "0.4.0") {
    return weft::cni::refuse(Code::incompatible_version,
                             "CHECK exists since CNI version 0.4.0, not in " + version);
  }
  return weft::cni::acts_as_ipam(program, config.type)
             ? weft::cni::run_ipam_command(invocation, config)
             : weft::cni::run_interface_command(invocation, config, text);
}

}  // namespace

int main(int argc, char** argv) {
  std::string version{std::end(weft::cni::supported_versions)[-1]};
  const auto output = run(argc > 0 ? argv[0] : "", version);
  const std::string text = output ? *output : weft::cni::format_failure(output.error(), version);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return std::fflush(stdout) == 0 && output ? EXIT_SUCCESS : EXIT_FAILURE;
}
