/// Commands that ask a running weftd: status pages, metrics, peers, plugins.

#include "commands.hpp"

#include "ask.hpp"
#include "console/connections_page.hpp"
#include "console/json.hpp"
#include "console/print.hpp"
#include "doctor.hpp"
#include "render.hpp"
#include "report.hpp"

namespace weft::cli {

using namespace console;

namespace {

/// A plugin that has to look at the whole node first may take a while; the rest is worth showing.
constexpr std::chrono::seconds doctor_patience{3};

/// Every plugin may take its deadline to stop, and another to start.
constexpr std::chrono::seconds reload_patience{120};

Result<NodeStatus> collect_status(const Options& options) {
  NodeStatus status;
  WEFT_TRY(status.host, ask(options, "status"));
  WEFT_TRY(status.mesh, ask_if_served(options, "mesh.status"));
  WEFT_TRY(status.peers, ask_if_served(options, "mesh.peers"));
  WEFT_TRY(status.connections, ask_if_served(options, "mesh.connections"));
  WEFT_TRY(status.targets, ask_if_served(options, "mesh.targets"));
  WEFT_TRY(status.ipam, ask_if_served(options, "ipam.status"));
  std::vector<DoctorAnswer> answers;
  WEFT_TRY(answers, ask_doctors(options, status.host, doctor_patience));
  DoctorPage page;
  WEFT_TRY(page, render_doctor(status.host, answers));
  status.checks = std::move(page.json);
  return status;
}

Result<Report> report_of(const Options& options) {
  std::string host;
  WEFT_TRY(host, ask(options, "status"));
  std::vector<SectionAnswer> answers;
  WEFT_TRY(answers, ask_sections(options, "report"));
  return assemble_report(host, answers);
}

Result<std::string> own_name(const Options& options) {
  std::string text;
  WEFT_TRY(text, ask(options, "mesh.status"));
  Json mesh;
  WEFT_TRY(mesh, parse_json(text, "the mesh's status"));
  return text_of(mesh, "Name");
}

Result<std::string> status_page(const Options& options, std::string_view page) {
  if (page.empty()) {
    NodeStatus status;
    WEFT_TRY(status, collect_status(options));
    return options.json ? report_json(status) : render_status(status);
  }
  const std::string command = page == "ipam"      ? "ipam.status"
                              : page == "targets" ? "mesh.direct-peers"
                                                  : "mesh." + std::string(page);
  std::string text;
  WEFT_TRY(text, ask(options, command));
  if (options.json) {
    return indent_json(text);
  }
  if (page == "peers") {
    return render_peers(text);
  }
  if (page == "connections") {
    return render_connections(text);
  }
  if (page == "targets") {
    return render_targets(text);
  }
  std::string self;
  WEFT_TRY(self, own_name(options));
  std::optional<std::string> cni;
  WEFT_TRY(cni, ask_if_served(options, "cni.status"));
  return render_ipam(text, self, cni);
}

Result<std::string> change_peers(const Options& options, std::string_view command,
                                 const Json& params) {
  WEFT_TRY(ask(options, command, params.dump(-1, ' ', false, Json::error_handler_t::replace)));
  return std::string();
}

}  // namespace

int show_status(const Options& options, std::string_view page) {
  return print(status_page(options, page));
}

int show_report(const Options& options, const std::string& format) {
  const auto report = report_of(options);
  if (!report) {
    return report_error(report.error());
  }
  int code = print(format_report(report->json, format));
  for (const std::string& missing : report->missing) {
    code = report_problem(missing);
  }
  return code;
}

int show_metrics(const Options& options) {
  if (options.json) {
    const auto values = ask(options, "metrics.values");
    return print(values ? Result<std::string>(indent_json(*values)) : values);
  }
  const auto answer = ask(options, "metrics");
  if (!answer) {
    return report_error(answer.error());
  }
  const auto text = parse_json(*answer, "metrics");
  return print(text ? text_of(*text) : Result<std::string>(tl::unexpected(text.error())));
}

int connect_peers(const Options& options, const std::vector<std::string>& peers, bool replace) {
  return print(change_peers(options, "mesh.connect", {{"peers", peers}, {"replace", replace}}));
}

int forget_peers(const Options& options, const std::vector<std::string>& peers) {
  return print(change_peers(options, "mesh.forget", {{"peers", peers}}));
}

int reload(const Options& options, const std::vector<std::string>& forced) {
  const Json params{{"plugins", forced}};
  const auto answer =
      ask(options, "reload", params.dump(-1, ' ', false, Json::error_handler_t::replace),
          reload_patience);
  if (!answer) {
    return report_error(answer.error());
  }
  const auto page = render_reload(*answer);
  if (!page) {
    return report_error(page.error());
  }
  std::ignore = print(options.json ? indent_json(*answer) : page->text);
  return page->all_run ? exit_ok : exit_error;
}

int list_plugins(const Options& options) {
  const auto answer = ask(options, "plugins");
  if (!answer) {
    return report_error(answer.error());
  }
  return print(options.json ? Result<std::string>(indent_json(*answer)) : render_plugins(*answer));
}

int show_commands(const Options& options) {
  const auto answer = ask(options, "commands");
  if (!answer) {
    return report_error(answer.error());
  }
  return print(options.json ? Result<std::string>(indent_json(*answer)) : render_commands(*answer));
}

int show_lanes(const Options& options) {
  const auto answer = ask(options, "lanes");
  if (!answer) {
    return report_error(answer.error());
  }
  return print(options.json ? Result<std::string>(indent_json(*answer)) : render_lanes(*answer));
}

}  // namespace weft::cli
