#pragma once
/// The report of a node in the shape of Weave Net's, from what its parts answer. Pure.
/// Source: weave prog/weaver/http.go, WeaveStatus; weave router/network_router_status.go; weave
/// ipam/status.go.

#include <optional>
#include <string>

#include "console/json.hpp"

namespace weft::cli {

/// JSON texts of one node. What a node does not run is absent.
struct ReportAnswers {
  std::string host;                   ///< "status"
  std::string macs;                   ///< "dataplane.macs"
  std::optional<std::string> mesh;    ///< "mesh.status"
  std::optional<std::string> ipam;    ///< "ipam.status"
  std::optional<std::string> bridge;  ///< "bridge.status"
  std::optional<std::string> odp;     ///< "odp.status"
  bool runs_sleeve = false;           ///< whether "sleeve.status" is there
};

/// All sections, in Weave Net's order. Those that the node does not run are null: Weave Net
/// leaves them out of its JSON, and its templates see nil. Lists without elements are null
/// as they are there, TrustedSubnets apart.
///
/// Ready: every plugin of the configuration runs. Errors: Errc::malformed, naming the part.
[[nodiscard]] Result<console::Json> assemble_report(const ReportAnswers& answers);

/// `report` through `format`: all of it when that is empty; what a path, from '.' or '$', leads to,
/// with [*] one value a line; or a template, which has "{{". Ends in a newline unless empty.
/// Errors: Errc::invalid, with the column in `format`.
[[nodiscard]] Result<std::string> format_report(const console::Json& report,
                                                std::string_view format);

}  // namespace weft::cli
