/// Validates the environment a container runtime sets up.

#include "environment.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/core.h>

namespace weft::cni {
namespace {

std::optional<Command> parse_command(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Command>, 4> known{{
      {"ADD", Command::add},
      {"DEL", Command::del},
      {"CHECK", Command::check},
      {"VERSION", Command::version},
  }};
  for (const auto& [name, command] : known) {
    if (name == text) {
      return command;
    }
  }
  return std::nullopt;
}

std::string missing_variables(const Invocation& invocation) {
  const bool needs_netns = invocation.command != Command::del;
  std::string missing;
  const auto want = [&](const std::string& value, std::string_view name) {
    if (value.empty()) {
      missing += (missing.empty() ? "" : ", ") + std::string(name);
    }
  };
  want(invocation.container_id, "CNI_CONTAINERID");
  want(needs_netns ? invocation.netns : std::string("unused"), "CNI_NETNS");
  want(invocation.interface, "CNI_IFNAME");
  return missing;
}

/// "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;...": what is not known is for other plugins.
/// Source: CNI conventions, CNI_ARGS; kubelet and CRI runtimes.
events::KubernetesPod read_kubernetes(std::string_view arguments) {
  events::KubernetesPod pod;
  const std::pair<std::string_view, std::string*> known[] = {{"K8S_POD_NAMESPACE", &pod.name_space},
                                                             {"K8S_POD_NAME", &pod.name},
                                                             {"K8S_POD_UID", &pod.uid}};
  while (!arguments.empty()) {
    const std::string_view argument = arguments.substr(0, arguments.find(';'));
    arguments.remove_prefix(std::min(arguments.size(), argument.size() + 1));
    for (const auto& [name, value] : known) {
      const std::size_t equals = argument.find('=');
      if (equals != std::string_view::npos && argument.substr(0, equals) == name) {
        *value = argument.substr(equals + 1);
      }
    }
  }
  return pod;
}

}  // namespace

Outcome<Invocation> read_invocation(const std::function<std::string(const char*)>& variable) {
  Invocation invocation;
  const std::string command = variable("CNI_COMMAND");
  const auto known = parse_command(command);
  if (!known) {
    return refuse(Code::invalid_environment,
                  command.empty() ? "required environment variable CNI_COMMAND is missing"
                                  : fmt::format("unknown CNI_COMMAND '{}'", command));
  }
  invocation.command = *known;
  if (*known == Command::version) {
    return invocation;
  }

  invocation.container_id = variable("CNI_CONTAINERID");
  invocation.netns = variable("CNI_NETNS");
  invocation.interface = variable("CNI_IFNAME");
  invocation.path = variable("CNI_PATH");
  invocation.kubernetes = read_kubernetes(variable("CNI_ARGS"));
  if (const std::string missing = missing_variables(invocation); !missing.empty()) {
    return refuse(Code::invalid_environment,
                  "required environment variables are missing: " + missing);
  }
  if (!is_container_id(invocation.container_id)) {
    return refuse(
        Code::invalid_environment, "invalid CNI_CONTAINERID",
        "want at most 256 letters, digits, '_', '.' and '-', the first a letter or digit");
  }
  if (!is_interface_name(invocation.interface)) {
    return refuse(Code::invalid_environment, "invalid CNI_IFNAME",
                  "want 1 to 15 characters without '/', ':', '%' and spaces, not '.' or '..'");
  }
  return invocation;
}

bool acts_as_ipam(std::string_view program, std::string_view type) noexcept {
  const std::string_view name = program.substr(program.rfind('/') + 1);
  return name.ends_with("-ipam") || (!name.ends_with("-net") && type.ends_with("-ipam"));
}

}  // namespace weft::cni
