#pragma once
/// The status pages as text, from the JSON that the control commands return. Pure.
/// Source: weave prog/weaver/http.go, the status templates; separated attributes are ours.

#include <optional>
#include <string>
#include <string_view>

#include <weft/result.hpp>

namespace weft::cli {

/// JSON texts of one node. What a node does not run is absent.
struct NodeStatus {
  std::string host;                        ///< "status"
  std::optional<std::string> mesh;         ///< "mesh.status"
  std::optional<std::string> peers;        ///< "mesh.peers"
  std::optional<std::string> connections;  ///< "mesh.connections"
  std::optional<std::string> targets;      ///< "mesh.targets"
  std::optional<std::string> ipam;         ///< "ipam.status"
  std::optional<std::string> checks;       ///< DoctorPage::json
};

/// Each errors with Errc::malformed when its JSON has not the fields of the report.
[[nodiscard]] Result<std::string> render_status(const NodeStatus& status);
/// From "mesh.direct-peers", or from "mesh.targets" alone.
[[nodiscard]] Result<std::string> render_holders(std::string_view holders);
[[nodiscard]] Result<std::string> render_targets(std::string_view targets);
[[nodiscard]] Result<std::string> render_peers(std::string_view peers);
/// `own_name` is listed first, with its active addresses. `cni` is what cni.status answers, where
/// it is served.
[[nodiscard]] Result<std::string> render_ipam(std::string_view ipam, std::string_view own_name,
                                              const std::optional<std::string>& cni = {});
[[nodiscard]] Result<std::string> render_plugins(std::string_view plugins);
[[nodiscard]] Result<std::string> render_topics(std::string_view topics);
[[nodiscard]] Result<std::string> render_lanes(std::string_view lanes);
/// One line of bus.follow: an event, or that some were lost.
[[nodiscard]] std::string render_event(std::string_view line);
[[nodiscard]] Result<std::string> render_commands(std::string_view commands);

struct ReloadPage {
  std::string text;
  bool all_run = true;  ///< every plugin that should run does
};
[[nodiscard]] Result<ReloadPage> render_reload(std::string_view reloaded);

/// The whole status as one JSON object, in the shape of the report.
[[nodiscard]] Result<std::string> report_json(const NodeStatus& status);
/// JSON text indented for people. Text that is not JSON comes back as it is.
[[nodiscard]] std::string indent_json(std::string_view text);

}  // namespace weft::cli
