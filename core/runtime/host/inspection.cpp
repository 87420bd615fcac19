/// Registers the commands and answers them with JSON.

#include "runtime/host/inspection.hpp"

#include <utility>

#include "runtime/host/status.hpp"

namespace weft::host {

Inspection::Inspection(const LaneSet& lanes, const MetricRegistry& metrics)
    : lanes_(lanes), metrics_(metrics) {}

Result<> Inspection::serve(Control& control) {
  const auto keep = [&](Result<CommandRegistration> registration) -> Result<> {
    if (!registration) {
      return tl::unexpected(std::move(registration).error());
    }
    commands_.push_back(*std::move(registration));
    return {};
  };
  WEFT_TRY(keep(
      control.serve({"lanes",
                     "What each packet thread does.",
                     "list of objects",
                     {{"lane", "Its number."},
                      {"tasks", "What it polls."},
                      {"cycles", "Poll cycles."},
                      {"polls", "Polls of tasks."},
                      {"batches", "Polls that found frames."},
                      {"frames", "Frames that were handled."},
                      {"sleeps", "Times that it waited for something to do."},
                      {"scratch-exhausted", "Times that its scratch memory was too small."},
                      {"cpu-seconds", "CPU time."},
                      {"running-seconds", "Time since it was started."},
                      {"busy-share", "CPU time over time, 0 to 1."}}},
                    [this](Reply<std::string> reply) { reply(lanes_json(lanes_.statistics())); })));
  WEFT_TRY(keep(control.serve(
      {"metrics.values",
       "Every metric of the node.",
       "list of objects",
       {{"name", "As Prometheus has it."},
        {"kind", "counter, gauge or histogram."},
        {"help", "What it counts."},
        {"labels", "An object."},
        {"value", "The value; of a histogram, the sum."},
        {"count", "Of a histogram: how many values it saw."},
        {"bounds", "Of a histogram: the upper bounds of its buckets."},
        {"counts", "Of a histogram: the values in each bucket, and beyond the last."}}},
      [this](Reply<std::string> reply) { reply(metrics_json(metrics_.readings())); })));
  return {};
}

}  // namespace weft::host
