#pragma once
/// Every counter, gauge and histogram of the node, and their Prometheus text.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <weft/export.hpp>
#include <weft/metrics.hpp>
#include <weft/result.hpp>
#include <weft/service/metrics.hpp>

namespace weft {

/// One metric's state, for people and programs.
struct MetricReading {
  std::string name;
  std::string kind;  ///< "counter", "gauge" or "histogram"
  std::string help;
  MetricLabels labels;
  double value = 0;                ///< a histogram's sum
  Histogram::Values distribution;  ///< of a histogram
};

/// One per node, shared by all plugins; owned by the host. Any thread but a lane.
class WEFT_EXPORT MetricRegistry final : public Metrics, public MetricsReader {
 public:
  [[nodiscard]] Counter& counter(std::string name, std::string help, MetricLabels labels) override;
  [[nodiscard]] Gauge& gauge(std::string name, std::string help, MetricLabels labels) override;

  [[nodiscard]] Histogram& histogram(std::string name, std::string help,
                                     std::span<const double> bounds, MetricLabels labels) override;

  /// All values in the Prometheus text exposition format, version 0.0.4.
  [[nodiscard]] std::string prometheus_text() const;
  void read_prometheus_text(Reply<std::string> reply) override { reply(prometheus_text()); }
  /// The same, sorted by kind, name and labels.
  [[nodiscard]] std::vector<MetricReading> readings() const;

 private:
  template <class Metric>
  struct Family {
    std::string help;
    std::map<MetricLabels, std::unique_ptr<Metric>> metrics;
  };
  template <class Metric>
  using Families = std::map<std::string, Family<Metric>>;

  mutable std::mutex mutex_;
  Families<Counter> counters_;
  Families<Gauge> gauges_;
  Families<Histogram> histograms_;
};

}  // namespace weft
