/// Runs the demonstration from an empty machine to an empty machine.

#include "demo.hpp"

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <vector>

#include "console/json.hpp"
#include "console/print.hpp"
#include "steps.hpp"

namespace weft::lab {

using namespace console;

namespace {

struct StepResult {
  const DemoStep* step;
  Check check;
};

void print_result(const StepResult& result) {
  std::printf("%s  %-3s  %s\n           must be   %s\n           observed  %s\n",
              result.check.ok ? "ok    " : "FAILED", result.step->id, result.step->title,
              result.check.expected.c_str(), result.check.observed.c_str());
  std::fflush(stdout);
}

/// A step that could not be carried out failed; the next ones may still say something.
StepResult run_step(const DemoStep& step, DemoState& state) {
  auto check = step.run(state);
  if (!check) {
    return {&step, {false, "the step can be carried out", check.error().message()}};
  }
  return {&step, std::move(*check)};
}

Result<std::vector<StepResult>> run_steps(Lab& lab) {
  DemoState state{lab, {}, {}, {}, false, 0, {}, std::nullopt};
  std::printf("making %zu nodes ...\n", lab.plan().nodes.size());
  std::fflush(stdout);
  WEFT_TRY(lab.up());
  WEFT_TRY(add_demo_pods(state));
  for (const DemoPod* const pod : {&state.p1, &state.p2, &state.p3}) {
    std::printf("pod %s on %s has %s\n", pod->name.c_str(), pod->node.c_str(), pod->ip.c_str());
  }
  std::vector<StepResult> results;
  for (const DemoStep& step : demo_steps()) {
    if (!applies(step, state)) {
      continue;
    }
    results.push_back(run_step(step, state));
    if (was_interrupted()) {
      return fail(Errc::cancelled, std::string("finish step ") + step.id);
    }
    print_result(results.back());
  }
  return results;
}

Result<> write_report(const std::string& path, const std::vector<StepResult>& results) {
  Json report = Json::array();
  for (const StepResult& result : results) {
    report.push_back({{"id", result.step->id},
                      {"title", result.step->title},
                      {"ok", result.check.ok},
                      {"expected", result.check.expected},
                      {"observed", result.check.observed}});
  }
  std::ofstream file(path, std::ios::trunc);
  if (!file) {
    return fail(errno, "open report '" + path + "'");
  }
  file << report.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  file.close();
  return file ? Result<>{} : fail(EIO, "write report '" + path + "'");
}

void explain_keep(const LabOptions& lab) {
  std::printf(
      "\nthe lab stays up:\n"
      "  weft lab exec --name %s node1 -- weft status connections\n"
      "  weft lab exec --name %s p1 -- ping <address>\n"
      "  weft lab status --name %s\n"
      "  weft lab down --name %s     removes it\n",
      lab.name.c_str(), lab.name.c_str(), lab.name.c_str(), lab.name.c_str());
}

int conclude(const Result<std::vector<StepResult>>& results, const std::string& report) {
  if (!results) {
    return report_error(results.error());
  }
  const auto held = std::count_if(results->begin(), results->end(),
                                  [](const StepResult& result) { return result.check.ok; });
  std::printf("\n%td of %zu steps held\n", held, results->size());
  if (!report.empty()) {
    if (const auto written = write_report(report, *results); !written) {
      return report_error(written.error());
    }
  }
  return static_cast<std::size_t>(held) == results->size() ? exit_ok : exit_error;
}

}  // namespace

int run_demo(const DemoOptions& options) {
  const LabOptions& settings = options.lab;
  if (settings.nodes < 3) {
    return report_error(Error{make_error_code(Errc::invalid), "demonstrate: it needs 3 nodes"});
  }
  if (!options.report.empty()) {  // better now than after the whole run
    if (const auto writable = write_report(options.report, {}); !writable) {
      return report_error(writable.error());
    }
  }
  catch_interrupts();
  auto lab = Lab::create(settings);
  if (!lab) {
    return report_error(lab.error());
  }
  const auto results = run_steps(*lab);
  int code = conclude(results, options.report);
  const bool was_up_before = !results && results.error().code == Errc::conflict;
  if (options.keep && results) {
    explain_keep(settings);
  } else if (!was_up_before) {
    clear_interrupt();
    if (const auto removed = Lab::down(settings.name, settings.verbose); !removed) {
      code = report_error(removed.error());
    }
  }
  return code;
}

}  // namespace weft::lab
