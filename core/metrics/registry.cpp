/// Registering metrics, and writing them with prometheus-cpp's text serializer.

#include "metrics/registry.hpp"

#include <algorithm>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace weft {
namespace {

/// Finds or makes the metric; the order in which labels are given does not matter.
template <class Families>
auto& find_or_add(Families& families, std::string name, std::string help, MetricLabels labels) {
  std::sort(labels.begin(), labels.end());
  auto& family = families[std::move(name)];
  if (family.help.empty()) {
    family.help = std::move(help);
  }
  auto& metric = family.metrics[std::move(labels)];
  if (!metric) {
    metric = std::make_unique<typename std::decay_t<decltype(metric)>::element_type>();
  }
  return *metric;
}

void set_value(prometheus::ClientMetric& to, const Counter& from) {
  to.counter.value = static_cast<double>(from.value());
}
void set_value(prometheus::ClientMetric& to, const Gauge& from) {
  to.gauge.value = from.value();
}

template <class Families>
void collect(const Families& families, prometheus::MetricType type,
             std::vector<prometheus::MetricFamily>& into) {
  for (const auto& [name, family] : families) {
    prometheus::MetricFamily& to = into.emplace_back();
    to.name = name;
    to.help = family.help;
    to.type = type;
    for (const auto& [labels, metric] : family.metrics) {
      prometheus::ClientMetric& value = to.metric.emplace_back();
      for (const auto& [label, text] : labels) {
        value.label.push_back({label, text});
      }
      set_value(value, *metric);
    }
  }
}

}  // namespace

Counter& MetricRegistry::counter(std::string name, std::string help, MetricLabels labels) {
  const std::lock_guard lock(mutex_);
  WEFT_CHECK(gauges_.count(name) == 0, "a metric is a counter or a gauge, not both");
  return find_or_add(counters_, std::move(name), std::move(help), std::move(labels));
}

Gauge& MetricRegistry::gauge(std::string name, std::string help, MetricLabels labels) {
  const std::lock_guard lock(mutex_);
  WEFT_CHECK(counters_.count(name) == 0, "a metric is a counter or a gauge, not both");
  return find_or_add(gauges_, std::move(name), std::move(help), std::move(labels));
}

std::string MetricRegistry::prometheus_text() const {
  std::vector<prometheus::MetricFamily> families;
  {
    const std::lock_guard lock(mutex_);
    collect(counters_, prometheus::MetricType::Counter, families);
    collect(gauges_, prometheus::MetricType::Gauge, families);
  }
  return prometheus::TextSerializer{}.Serialize(families);
}

}  // namespace weft
