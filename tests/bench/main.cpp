/// Runs the benchmarks of a program; fails when one of them missed its budget.

#include <benchmark/benchmark.h>

namespace {

class BudgetReporter final : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      has_failed = has_failed || run.error_occurred;
    }
    ConsoleReporter::ReportRuns(runs);
  }

  bool has_failed = false;
};

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  BudgetReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  return reporter.has_failed ? 1 : 0;
}
