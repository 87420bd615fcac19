/// Puts the parts of the report into their places.

#include "report.hpp"

#include <algorithm>
#include <initializer_list>
#include <map>

#include "report_json.hpp"
#include "report_path.hpp"
#include "report_template.hpp"

namespace weft::cli {

using namespace console;

namespace {

/// Field names in the order in which Weave Net writes them.
using Fields = std::initializer_list<const char*>;

/// `object` with these fields alone; those it has not are null.
Json pick(const Json& object, Fields fields) {
  Json picked = Json::object();
  for (const char* const field : fields) {
    picked[field] = member(object, field);
  }
  return picked;
}

/// `list` with `shape` applied to each element. Empty, and what is no list, is null.
template <class Shape>
Json each(const Json& list, Shape shape) {
  Json shaped;
  if (list.is_array()) {
    for (const Json& element : list) {
      shaped.push_back(shape(element));
    }
  }
  return shaped;
}

Json pick_each(const Json& list, Fields fields) {
  return each(list, [&](const Json& element) { return pick(element, fields); });
}

Json or_null(const Json& list) {
  return each(list, [](const Json& element) { return element; });
}

Result<Json> parse_object(std::string_view text, std::string_view what) {
  Json object;
  WEFT_TRY(object, parse_json(text, what));
  if (!object.is_object()) {
    return fail(Errc::malformed, "read " + std::string(what) + ": it is not an object");
  }
  return object;
}

/// Null for an absent answer.
Result<Json> parse_optional(const std::optional<std::string>& text, std::string_view what) {
  return text ? parse_object(*text, what) : Result<Json>(Json());
}

/// What the node's parts answered, parsed. Null: not there.
struct Parts {
  Json mesh;
  Json bridge;
  Json odp;
  Json macs;
  bool runs_sleeve = false;
};

Json peers(const Json& list) {
  return each(list, [](const Json& peer) {
    Json shaped = pick(peer, {"Name", "NickName", "UID", "ShortID", "Version", "Connections"});
    shaped["Connections"] = pick_each(member(peer, "Connections"),
                                      {"Name", "NickName", "Address", "Outbound", "Established"});
    return shaped;
  });
}

Json broadcast_routes(const Json& list) {
  return each(list, [](const Json& route) {
    return Json{{"Source", member(route, "Source")}, {"Via", or_null(member(route, "Via"))}};
  });
}

/// By name. Sleeve has nothing to say.
Json overlay_diagnostics(const Parts& parts) {
  Json overlays = Json::object();
  if (!parts.odp.is_null()) {
    overlays["fastdp"] = {
        {"Vports", pick_each(member(parts.odp, "Vports"), {"ID", "Name", "TypeName"})},
        {"Flows", pick_each(member(parts.odp, "Flows"),
                            {"FlowKeys", "Actions", "Packets", "Bytes", "Used"})}};
  }
  if (parts.runs_sleeve) {
    overlays["sleeve"] = nullptr;
  }
  return overlays;
}

/// Who takes frames from the bridge.
std::string interface_text(const Parts& parts) {
  if (!parts.odp.is_null()) {
    return "datapath (via ODP)";
  }
  if (!parts.bridge.is_null()) {
    return text_of(member(parts.bridge, "port"), "name") + " (via tap)";
  }
  return "no overlay bridge";
}

Json macs(const Parts& parts) {
  std::map<std::string, std::string> nicknames;
  for (const Json& peer : member(parts.mesh, "Peers")) {
    nicknames[text_of(peer, "Name")] = text_of(peer, "NickName");
  }
  return each(parts.macs, [&](const Json& mac) {
    return Json{{"Mac", member(mac, "Mac")},
                {"Name", member(mac, "Name")},
                {"NickName", nicknames[text_of(mac, "Name")]},
                {"LastSeen", member(mac, "LastSeen")}};
  });
}

Json router(const Parts& parts) {
  if (parts.mesh.is_null()) {
    return nullptr;
  }
  Json shaped =
      pick(parts.mesh,
           {"Protocol", "ProtocolMinVersion", "ProtocolMaxVersion", "Encryption", "PeerDiscovery",
            "Name", "NickName", "Port", "Peers", "UnicastRoutes", "BroadcastRoutes", "Connections",
            "TerminationCount", "Targets", "OverlayDiagnostics", "TrustedSubnets"});
  shaped["Peers"] = peers(member(parts.mesh, "Peers"));
  shaped["UnicastRoutes"] = pick_each(member(parts.mesh, "UnicastRoutes"), {"Dest", "Via"});
  shaped["BroadcastRoutes"] = broadcast_routes(member(parts.mesh, "BroadcastRoutes"));
  shaped["Connections"] = pick_each(member(parts.mesh, "Connections"),
                                    {"Address", "Outbound", "State", "Info", "Attrs"});
  shaped["Targets"] = or_null(member(parts.mesh, "Targets"));
  shaped["OverlayDiagnostics"] = overlay_diagnostics(parts);
  shaped["Interface"] = interface_text(parts);
  shaped["CaptureStats"] = parts.odp.is_null() ? Json() : pick(parts.odp, {"FlowMisses"});
  shaped["MACs"] = macs(parts);
  return shaped;
}

Json ipam(const Json& status) {
  if (status.is_null()) {
    return nullptr;
  }
  Json shaped = pick(status, {"Paxos", "Range", "RangeNumIPs", "ActiveIPs", "DefaultSubnet",
                              "Entries", "PendingClaims", "PendingAllocates"});
  shaped["Entries"] = pick_each(member(status, "Entries"),
                                {"Token", "Size", "Peer", "Nickname", "IsKnownPeer", "Version"});
  return shaped;
}

/// The values of a path, for people and for scripts.
Result<std::string> format_path(const Json& report, std::string_view format) {
  std::vector<PathStep> path;
  WEFT_TRY(path, parse_path(format));
  std::vector<const Json*> values;
  WEFT_TRY(values, select(report, path));
  const bool is_list = std::ranges::any_of(
      path, [](const PathStep& step) { return step.kind == PathStep::Kind::every; });
  std::string text;
  for (const Json* const value : values) {
    text += is_list || value->is_string() ? plain_text(*value)
                                          : report_text(*value, JsonLayout::indented);
    text += '\n';
  }
  return text;
}

/// Without the sections that are null.
Json without_absent(const Json& report) {
  Json present = Json::object();
  for (const auto& [name, section] : report.items()) {
    if (!section.is_null()) {
      present[name] = section;
    }
  }
  return present;
}

}  // namespace

Result<Json> assemble_report(const ReportAnswers& answers) {
  Json host;
  WEFT_TRY(host, parse_object(answers.host, "the node's status"));
  Parts parts;
  WEFT_TRY(parts.macs, parse_json(answers.macs, "the dataplane's MAC addresses"));
  WEFT_TRY(parts.mesh, parse_optional(answers.mesh, "the mesh's status"));
  WEFT_TRY(parts.bridge, parse_optional(answers.bridge, "the bridge's status"));
  parts.runs_sleeve = answers.runs_sleeve;
  WEFT_TRY(parts.odp, parse_optional(answers.odp, "odp's status"));
  Json ipam_status;
  WEFT_TRY(ipam_status, parse_optional(answers.ipam, "the IPAM's status"));
  return Json{{"Ready", text_of(host, "State") == "ready"},
              {"Version", text_of(host, "Version")},
              {"VersionCheck",
               {{"Enabled", false},  // weft never asks for newer versions
                {"Success", false},
                {"NewVersion", ""},
                {"NextCheckAt", "0001-01-01T00:00:00Z"}}},
              {"Router", router(parts)},
              {"IPAM", ipam(ipam_status)},
              {"DNS", nullptr},
              {"Proxy", nullptr},
              {"Plugin", nullptr}};
}

Result<std::string> format_report(const Json& report, std::string_view format) {
  if (format.empty()) {
    return report_text(without_absent(report), JsonLayout::indented) + "\n";
  }
  if (format.find("{{") != std::string_view::npos) {
    std::string text;
    WEFT_TRY(text, render_template(format, report));
    return text.empty() || text.ends_with('\n') ? text : text + "\n";
  }
  if (format.starts_with('.') || format.starts_with('$')) {
    return format_path(report, format);
  }
  return format_error(1,
                      "want a path such as .Router.Name, or a template such as "
                      "'{{.Router.Name}}'");
}

}  // namespace weft::cli
