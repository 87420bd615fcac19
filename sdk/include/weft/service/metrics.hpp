#pragma once
/// Every counter and gauge of the node, for whoever shows them.

#include <string>
#include <string_view>

#include <weft/reply.hpp>

namespace weft {

/// Provided by the host. Control: any plugin loop. To count, use Host::metrics() instead.
class MetricsReader {
 public:
  static constexpr std::string_view service = "weft.metrics/1";

  /// Answers all values in the Prometheus text exposition format, version 0.0.4. Sums per-lane
  /// counters when called, so its cost grows with their number: seconds apart, not milliseconds.
  virtual void read_prometheus_text(Reply<std::string> reply) = 0;

 protected:
  ~MetricsReader() = default;
};

}  // namespace weft
