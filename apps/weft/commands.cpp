/// Commands that ask a running weftd: status pages, metrics, peers, plugins.

#include "commands.hpp"

#include "ask.hpp"
#include "console/json.hpp"
#include "console/lines.hpp"
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

/// Of summaries and pages: see <weft/page.hpp>.
std::string_view page_params(const Options& options) {
  return options.json ? R"({"json":true})" : "";
}

Result<NodeStatus> collect_status(const Options& options) {
  NodeStatus status;
  WEFT_TRY(status.host, ask(options, "status"));
  WEFT_TRY(status.sections, served_sections(options, "summary"));
  status.sections =
      ask_sections(options, "summary", std::move(status.sections), page_params(options));
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
  std::vector<SectionAnswer> sections;
  WEFT_TRY(sections, served_sections(options, "report"));
  return assemble_report(host, ask_sections(options, "report", std::move(sections)));
}

/// The page `name`, and what plugins add to it.
Result<std::vector<SectionAnswer>> parts_of_page(const Options& options, const std::string& name) {
  std::vector<SectionAnswer> parts;
  WEFT_TRY(parts, served_sections(options, "page"));
  std::string known;
  for (const SectionAnswer& each : parts) {
    known += each.plugin.empty() ? (known.empty() ? "" : ", ") + each.section : "";
  }
  std::erase_if(parts, [&](const SectionAnswer& each) { return each.section != name; });
  if (parts.empty() || !parts.front().plugin.empty()) {
    return fail(Errc::not_found, "show page '" + name + "' of the status; this node has " +
                                     (known.empty() ? "none" : known));
  }
  if (options.json) {
    parts.resize(1);
  }
  return ask_sections(options, "page", std::move(parts), page_params(options));
}

Result<std::string> change_peers(const Options& options, std::string_view command,
                                 const Json& params) {
  WEFT_TRY(ask(options, command, params.dump(-1, ' ', false, Json::error_handler_t::replace)));
  return std::string();
}

}  // namespace

int show_status(const Options& options) {
  const auto page = collect_status(options).and_then(options.json ? status_json : render_status);
  if (!page) {
    return report_error(page.error());
  }
  const int code = print(page->text);
  return page->is_whole ? code : exit_error;
}

int show_page(const Options& options, const std::string& name) {
  const auto parts = parts_of_page(options, name);
  if (!parts) {
    return report_error(parts.error());
  }
  int code = exit_ok;
  for (const SectionAnswer& part : *parts) {
    const auto text = part.text.and_then([&](const std::string& answer) {
      return options.json ? Result<std::string>(indent_json(answer)) : render_lines(answer);
    });
    if (const int printed = print(text); printed != exit_ok) {
      code = printed;
    }
  }
  return code;
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
