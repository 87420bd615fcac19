#pragma once
/// What the container runtime says in environment variables.

#include <functional>
#include <string>
#include <string_view>

#include <weft/events/pod.hpp>

#include "common/attachment/attachment.hpp"
#include "failure.hpp"

namespace weft::cni {

enum class Command { add, del, check, version };

/// Source: CNI specification 1.0.0, section "Parameters".
struct Invocation {
  Command command = Command::version;
  std::string container_id;
  std::string netns;      ///< a path; for DEL it may be empty or gone
  std::string interface;  ///< the pod's name for it
  std::string path;       ///< directories of plugins, separated by ':'
  events::KubernetesPod kubernetes = {};
  [[nodiscard]] AttachmentId attachment() const { return {container_id, interface}; }
  bool operator==(const Invocation&) const = default;
};

/// `variable` gives the value of an environment variable, empty when unset. Errors:
/// Code::invalid_environment, names the variable.
[[nodiscard]] Outcome<Invocation> read_invocation(
    const std::function<std::string(const char*)>& variable);

/// Whether we act as the IPAM plugin: by the name we were started under, or, when that says
/// nothing, by the configuration's `type`.
[[nodiscard]] bool acts_as_ipam(std::string_view program, std::string_view type) noexcept;

}  // namespace weft::cni
