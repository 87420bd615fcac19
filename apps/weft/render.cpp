/// Writes the status pages.

#include "render.hpp"

#include <utility>
#include <vector>

#include "console/connections_page.hpp"
#include "console/json.hpp"
#include "console/page.hpp"

namespace weft::cli {

using namespace console;

namespace {

constexpr const char* connection_states[] = {"established", "pending", "retrying", "failed",
                                             "connecting"};

std::string display_name(const Json& peer) {
  return text_of(peer, "Name") + "(" + text_of(peer, "NickName") + ")";
}

std::string enabled(const Json& object, const char* key) {
  return is_true(object, key) ? "enabled" : "disabled";
}

/// "2 established, 1 failed": the words of `states` in their order, absent ones left out.
template <class States>
std::string counts(const std::vector<std::string>& seen, const States& states) {
  std::string text;
  for (const std::string_view state : states) {
    const auto count = std::count(seen.begin(), seen.end(), state);
    if (count > 0) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, state);
    }
  }
  return text;
}

std::string in_parentheses(std::string_view before, const std::string& text,
                           std::string_view after = "") {
  return text.empty() ? "" : fmt::format(" ({}{}{})", before, text, after);
}

std::string protocol_versions(const Json& mesh) {
  const std::string lowest = text_of(mesh, "ProtocolMinVersion");
  const std::string highest = text_of(mesh, "ProtocolMaxVersion");
  return text_of(mesh, "Protocol") + " " + (lowest == highest ? highest : lowest + ".." + highest);
}

std::string joined(const Json& list) {
  std::string text;
  for (const Json& item : list) {
    text += (text.empty() ? "" : ", ") + text_of(item);
  }
  return text.empty() ? "none" : text;
}

std::string connection_counts(const Json& connections) {
  std::vector<std::string> states;
  for (const Json& connection : connections) {
    states.push_back(text_of(connection, "State"));
  }
  return std::to_string(connections.size()) + in_parentheses("", counts(states, connection_states));
}

std::string peer_counts(const Json& peers) {
  std::vector<std::string> states;
  for (const Json& peer : peers) {
    for (const Json& connection : member(peer, "Connections")) {
      states.emplace_back(is_true(connection, "Established") ? "established" : "pending");
    }
  }
  const std::string text = counts(states, std::array{"established", "pending"});
  return std::to_string(peers.size()) + in_parentheses("with ", text, " connections");
}

std::string ipam_state(const Json& ipam) {
  const Json& entries = member(ipam, "Entries");
  const Json& paxos = member(ipam, "Paxos");
  if (!entries.empty()) {
    const bool is_reachable = std::any_of(entries.begin(), entries.end(), [](const Json& entry) {
      return number_of(entry, "Size") > 0 && is_true(entry, "IsKnownPeer");
    });
    if (!is_reachable) {
      return "all IP ranges owned by unreachable peers - use 'weft rmpeer' if they are dead";
    }
    if (is_true(ipam, "Exhausted")) {
      return "no free address";
    }
    return member(ipam, "PendingAllocates").empty() ? "ready"
                                                    : "waiting for IP(s) to become available";
  }
  if (is_true(ipam, "Searching")) {
    return "saved state is lost - waiting for a peer that knows the address ring";
  }
  if (paxos.is_null()) {
    return "idle";
  }
  return is_true(paxos, "Elector")
             ? fmt::format("awaiting consensus (quorum: {}, known: {})", number_of(paxos, "Quorum"),
                           number_of(paxos, "KnownNodes"))
             : "priming";
}

Result<Json> parse_optional(const std::optional<std::string>& text, std::string_view what) {
  return text ? parse_json(*text, what) : Result<Json>(Json());
}

void router_section(Page& page, const Json& mesh, const Json& peers, const Json& connections,
                    const Json& targets) {
  page.blank();
  page.entry("Service", "router");
  page.entry("Protocol", protocol_versions(mesh));
  page.entry("Name", display_name(mesh));
  page.entry("Encryption", enabled(mesh, "Encryption"));
  page.entry("PeerDiscovery", enabled(mesh, "PeerDiscovery"));
  page.entry("Targets", std::to_string(targets.size()));
  page.entry("Connections", connection_counts(connections));
  page.entry("Peers", peer_counts(peers));
  page.entry("TrustedSubnets", joined(member(mesh, "TrustedSubnets")));
}

/// What `weft doctor` calls wrong, without failed plugins, which have lines of their own.
Result<std::vector<Json>> wrong_checks(const std::optional<std::string>& checks) {
  Json list;
  WEFT_TRY(list, parse_optional(checks, "what plugins found"));
  std::vector<Json> wrong;
  for (const Json& check : list) {
    if (text_of(check, "state") == "wrong" && text_of(check, "check") != "plugin") {
      wrong.push_back(check);
    }
  }
  return wrong;
}

void plugin_lines(Page& page, const Json& host) {
  for (const Json& plugin : member(host, "Plugins")) {
    const std::string state = text_of(plugin, "State");
    const bool is_late = state == "starting" || state == "configured";
    if (const std::string reason = text_of(plugin, "Reason");
        state == "failed" || (is_late && !reason.empty())) {
      page.entry(is_late ? "Starting" : "Failed", text_of(plugin, "Name") + ": " + reason);
    }
  }
  for (const Json& trouble : member(host, "Troubles")) {
    page.entry("Trouble", text_of(trouble, "Source") + ": " + text_of(trouble, "Reason"));
  }
}

/// The space and state of one peer, summed over its ranges.
struct Share {
  std::string peer;
  std::string nickname;
  std::uint64_t addresses = 0;
  bool is_reachable = false;
};

std::vector<Share> shares(const Json& entries, std::string_view own_name) {
  std::vector<Share> list;
  for (const Json& entry : entries) {
    const std::string peer = text_of(entry, "Peer");
    auto found = std::find_if(list.begin(), list.end(),
                              [&](const Share& share) { return share.peer == peer; });
    if (found == list.end()) {
      list.push_back({peer, text_of(entry, "Nickname"), 0, is_true(entry, "IsKnownPeer")});
      found = std::prev(list.end());
    }
    found->addresses += number_of(entry, "Size");
  }
  std::stable_partition(list.begin(), list.end(),
                        [&](const Share& share) { return share.peer == own_name; });
  return list;
}

std::string since(const Json& object, const char* key) {
  return "since " + text_of(object, key);
}

/// What a name resolves to, or why not, and how it stands with each address.
std::string target_details(const Json& target) {
  const Json& addresses = member(target, "Addresses");
  const Json& name = member(target, "Name");
  std::string text;
  for (const Json& address : addresses) {
    text += (text.empty() ? "" : ", ") +
            (name.is_null() ? text_of(address, "State")
                            : text_of(address, "Address") + " " + text_of(address, "State"));
  }
  if (name.is_null()) {
    return text;
  }
  const std::string failure = text_of(name, "Failure");
  if (failure.empty()) {
    return text.empty() ? "being looked up" : text + "; found " + since(name, "Since");
  }
  return fmt::format("{}not found {}{}: {}; next lookup: {}", text.empty() ? "" : text + "; ",
                     text.empty() ? "" : "any more ", since(name, "FailingSince"), failure,
                     text_of(name, "NextLookup"));
}

}  // namespace

Result<std::string> render_status(const NodeStatus& status) {
  Json host;
  WEFT_TRY(host, parse_json(status.host, "the node's status"));
  std::vector<Json> wrong;
  WEFT_TRY(wrong, wrong_checks(status.checks));
  Page page;
  page.entry("Version", text_of(host, "Version"));
  if (text_of(host, "State") == "degraded" || !wrong.empty()) {
    page.entry("State", "degraded");
  }
  plugin_lines(page, host);
  for (const Json& check : wrong) {
    page.entry("Wrong", text_of(check, "check") + ": " + text_of(check, "text"));
  }
  for (const Json& warning : member(host, "Warnings")) {
    page.entry("Warning", text_of(warning));
  }
  if (status.mesh) {
    Json mesh;
    WEFT_TRY(mesh, parse_json(*status.mesh, "the mesh's status"));
    Json peers;
    WEFT_TRY(peers, parse_optional(status.peers, "peers"));
    Json connections;
    WEFT_TRY(connections, parse_optional(status.connections, "connections"));
    Json targets;
    WEFT_TRY(targets, parse_optional(status.targets, "targets"));
    router_section(page, mesh, peers, connections, targets);
  }
  if (status.ipam) {
    Json ipam;
    WEFT_TRY(ipam, parse_json(*status.ipam, "the IPAM's status"));
    page.blank();
    page.entry("Service", "ipam");
    page.entry("Status", ipam_state(ipam));
    page.entry("Range", text_of(ipam, "Range"));
    page.entry("DefaultSubnet", text_of(ipam, "DefaultSubnet"));
    for (const Json& warning : member(ipam, "Warnings")) {
      page.entry("Warning", text_of(warning));
    }
  }
  return page.take();
}

Result<std::string> render_holders(std::string_view holders) {
  Json list;
  WEFT_TRY(list, parse_json(holders, "who holds addresses"));
  Page page;
  for (const Json& holder : member(list, "owned")) {
    page.line("{} {}", text_of(holder, "containerid"), joined(member(holder, "addrs")));
  }
  return page.take();
}

Result<std::string> render_targets(std::string_view targets) {
  Json list;
  WEFT_TRY(list, parse_json(targets, "targets"));
  Page page;
  for (const Json& target : list) {
    if (!target.is_object()) {
      page.line("{}", text_of(target));
      continue;
    }
    page.line("{:<21} {}", text_of(target, "Peer"), target_details(target));
  }
  return page.take();
}

Result<std::string> render_peers(std::string_view peers) {
  Json list;
  WEFT_TRY(list, parse_json(peers, "peers"));
  Page page;
  for (const Json& peer : list) {
    page.line("{}", display_name(peer));
    for (const Json& connection : member(peer, "Connections")) {
      page.line("   {} {:<21} {:<37} {}", arrow(connection), text_of(connection, "Address"),
                display_name(connection),
                is_true(connection, "Established") ? "established" : "pending");
    }
  }
  return page.take();
}

Result<std::string> render_ipam(std::string_view ipam, std::string_view own_name,
                                const std::optional<std::string>& cni) {
  Json object;
  WEFT_TRY(object, parse_json(ipam, "the IPAM's status"));
  const auto total =
      static_cast<double>(std::max<std::uint64_t>(number_of(object, "RangeNumIPs"), 1));
  Page page;
  for (const Share& share : shares(member(object, "Entries"), own_name)) {
    std::string note = share.is_reachable ? "" : "- unreachable!";
    if (share.peer == own_name) {
      note = fmt::format("({} active)", number_of(object, "ActiveIPs"));
    }
    page.line("{:<37} {:>8} IPs ({:04.1f}% of total){}{}", share.peer + "(" + share.nickname + ")",
              share.addresses, static_cast<double>(share.addresses) * 100.0 / total,
              note.empty() ? "" : " ", note);
  }
  if (is_true(object, "Exhausted")) {
    page.line("no free address in {}: every pod has to wait until another one ends",
              text_of(object, "DefaultSubnet"));
  }
  Json given;
  WEFT_TRY(given, parse_optional(cni, "the CNI plugin's status"));
  if (const std::uint64_t reclaimed = number_of(given, "Reclaimed"); reclaimed > 0) {
    page.line("{} addresses of pods that ended without a DEL were freed since the start",
              reclaimed);
  }
  for (const Json& fence : member(object, "Fenced")) {
    page.line("{} is not used yet: {} from {}, who may still use it", text_of(fence, "Range"),
              text_of(fence, "How"), text_of(fence, "From"));
  }
  if (const std::uint64_t outbid = number_of(object, "Outbid"); outbid > 0) {
    page.line("{} ring entries would have taken addresses from this peer and were outbid", outbid);
  }
  if (const std::uint64_t refused = number_of(object, "Refused"); refused > 0) {
    page.line("{} other things that peers told or asked were refused", refused);
  }
  return page.take();
}

Result<std::string> render_plugins(std::string_view plugins) {
  Json list;
  WEFT_TRY(list, parse_json(plugins, "plugins"));
  Page page;
  page.line("{:<16} {:<10} {:<10} {}", "NAME", "VERSION", "STATE", "SUMMARY");
  for (const Json& plugin : list) {
    page.line("{:<16} {:<10} {:<10} {}", text_of(plugin, "name"), text_of(plugin, "version"),
              text_of(plugin, "state"), text_of(plugin, "summary"));
  }
  return page.take();
}

Result<ReloadPage> render_reload(std::string_view reloaded) {
  Json answer;
  WEFT_TRY(answer, parse_json(reloaded, "the answer to reload"));
  ReloadPage result;
  Page page;
  for (const Json& plugin : member(answer, "plugins")) {
    const std::string name = text_of(plugin, "name");
    const std::string action = text_of(plugin, "action");
    const std::string state = text_of(plugin, "state");
    if (action != "stopped" && state != "started") {
      result.all_run = false;
      page.line("{:<16} {}: {}", name, state, text_of(plugin, "reason"));
    } else if (action != "kept") {
      page.line("{:<16} {}: {}", name, action, text_of(plugin, "because"));
    }
  }
  for (const Json& name : member(answer, "told")) {
    page.line("{:<16} told: it goes on with what is there now", text_of(name));
  }
  result.text = page.take();
  if (result.text.empty()) {
    result.text = "nothing changed\n";
  }
  return result;
}

Result<std::string> report_json(const NodeStatus& status) {
  Json host;
  WEFT_TRY(host, parse_json(status.host, "the node's status"));
  std::vector<Json> wrong;
  WEFT_TRY(wrong, wrong_checks(status.checks));
  Json report{{"Version", text_of(host, "Version")},
              {"State", wrong.empty() ? text_of(host, "State") : "degraded"},
              {"Plugins", member(host, "Plugins")}};
  if (!wrong.empty()) {
    report["Wrong"] = std::move(wrong);
  }
  if (status.mesh) {
    Json router;
    WEFT_TRY(router, parse_json(*status.mesh, "the mesh's status"));
    if (!router.is_object()) {
      return fail(Errc::malformed, "read the mesh's status: it is not an object");
    }
    WEFT_TRY(router["Peers"], parse_optional(status.peers, "peers"));
    WEFT_TRY(router["Connections"], parse_optional(status.connections, "connections"));
    WEFT_TRY(router["Targets"], parse_optional(status.targets, "targets"));
    report["Router"] = std::move(router);
  }
  if (status.ipam) {
    WEFT_TRY(report["IPAM"], parse_json(*status.ipam, "the IPAM's status"));
  }
  return json_text(report, 4) + "\n";
}

std::string indent_json(std::string_view text) {
  const auto value = parse_json(text, "JSON");
  return value ? json_text(*value, 4) + "\n" : std::string(text);
}

}  // namespace weft::cli
