/// Writes the status pages.

#include "render.hpp"

#include <utility>
#include <vector>

#include "console/json.hpp"
#include "console/lines.hpp"
#include "console/page.hpp"

namespace weft::cli {

using namespace console;

namespace {

/// What `weft doctor` calls wrong, without failed plugins, which have lines of their own.
Result<std::vector<Json>> wrong_checks(const std::string& checks) {
  Json list;
  WEFT_TRY(list, parse_json(checks, "what plugins found"));
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

/// The lines that belong to no plugin's section.
Result<> node_section(Page& page, const NodeStatus& status) {
  Json host;
  WEFT_TRY(host, parse_json(status.host, "the node's status"));
  std::vector<Json> wrong;
  WEFT_TRY(wrong, wrong_checks(status.checks));
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
  return {};
}

}  // namespace

Result<StatusPage> render_status(const NodeStatus& status) {
  Page page;
  WEFT_TRY(node_section(page, status));
  bool is_whole = true;
  for (const SectionAnswer& section : status.sections) {
    page.blank();
    const auto added =
        section.text.and_then([&](const std::string& lines) { return add_lines(lines, page); });
    if (!added) {
      page.entry("Missing", section.name() + ": " + added.error().message());
      is_whole = false;
    }
  }
  return StatusPage{page.take(), is_whole};
}

Result<std::string> render_holders(std::string_view holders) {
  Json list;
  WEFT_TRY(list, parse_json(holders, "who holds addresses"));
  Page page;
  for (const Json& holder : member(list, "owned")) {
    std::string addresses;
    for (const Json& address : member(holder, "addrs")) {
      addresses += (addresses.empty() ? "" : ", ") + text_of(address);
    }
    page.line("{} {}", text_of(holder, "containerid"), addresses);
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

Result<StatusPage> status_json(const NodeStatus& status) {
  Json host;
  WEFT_TRY(host, parse_json(status.host, "the node's status"));
  std::vector<Json> wrong;
  WEFT_TRY(wrong, wrong_checks(status.checks));
  Json json{{"Version", text_of(host, "Version")},
            {"State", wrong.empty() ? text_of(host, "State") : "degraded"},
            {"Plugins", member(host, "Plugins")}};
  if (!wrong.empty()) {
    json["Wrong"] = std::move(wrong);
  }
  const std::vector<std::string> missing = add_sections(status.sections, json);
  if (!missing.empty()) {
    json["Missing"] = missing;
  }
  return StatusPage{json_text(json, 4) + "\n", missing.empty()};
}

std::string indent_json(std::string_view text) {
  const auto value = parse_json(text, "JSON");
  return value ? json_text(*value, 4) + "\n" : std::string(text);
}

}  // namespace weft::cli
