/// Tells weft's own links from others of the same name.

#include "link_names.hpp"

#include <fmt/core.h>

namespace weft::bridge {
namespace {

// The router's port, the way to a datapath, pods' ports. Source: weaveworks/weave net/veth.go.
constexpr std::string_view own_prefix = "vethwe";

}  // namespace

Result<> validate_bridge_name(std::string_view name) {
  if (name.starts_with(own_prefix)) {
    return fail(
        Errc::invalid,
        fmt::format("use bridge = \"{}\" of [host]: names that begin with '{}' are those of "
                    "weft's own links and of pods' ports; take another, such as \"weave\"",
                    name, own_prefix));
  }
  return {};
}

Result<> want_kind(const nl::Link& found, std::string_view kind, std::string_view use) {
  if (found.kind == kind) {
    return {};
  }
  const std::string what = found.kind.empty()
                               ? "a network card"
                               : fmt::format("a link of kind '{}' of another program", found.kind);
  return fail(
      Errc::conflict,
      fmt::format("use '{0}' as {1}: {2} has that name; rename it (ip "
                  "link set {0} name OTHER){3}",
                  found.name, use, what,
                  found.kind.empty() ? "" : " or remove it (ip link delete " + found.name + ")"));
}

}  // namespace weft::bridge
