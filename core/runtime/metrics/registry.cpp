/// Registering metrics, and writing them with prometheus-cpp's text serializer.

#include "runtime/metrics/registry.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include <fmt/core.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace weft {
namespace {

/// One bad name would make Prometheus refuse the metrics of the whole node.
/// Source: Prometheus documentation, "Data model", metric names and labels.
void check_name(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const bool is_valid =
      !name.empty() && is_letter(name.front()) &&
      std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
  if (!is_valid) {
    throw std::logic_error(fmt::format(
        "broken rule: a metric or label is called by letters, digits and '_': '{}'", name));
  }
}

/// Finds or makes the metric; the order in which labels are given does not matter.
template <class Families, class... Arguments>
auto& find_or_add(Families& families, std::string name, std::string help, MetricLabels labels,
                  Arguments... arguments) {
  std::sort(labels.begin(), labels.end());
  check_name(name);
  for (const auto& [label, text] : labels) {
    check_name(label);
  }
  auto& family = families[std::move(name)];
  if (family.help.empty()) {
    std::ranges::replace(help, '\n', ' ');
    family.help = std::move(help);
  }
  auto& metric = family.metrics[std::move(labels)];
  if (!metric) {
    using Metric = typename std::decay_t<decltype(metric)>::element_type;
    metric = std::make_unique<Metric>(arguments...);
  }
  return *metric;
}

template <class... Others>
void check_free(const std::string& name, const Others&... others) {
  if ((others.count(name) + ...) != 0) {
    throw std::logic_error("broken rule: all metrics of one name are of one kind: " + name);
  }
}

void set_value(prometheus::ClientMetric& to, const Counter& from) {
  to.counter.value = static_cast<double>(from.value());
}
void set_value(prometheus::ClientMetric& to, const Gauge& from) {
  to.gauge.value = from.value();
}
void set_value(prometheus::ClientMetric& to, const Histogram& from) {
  const Histogram::Values values = from.values();
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < values.counts.size(); ++i) {
    below += values.counts[i];
    to.histogram.bucket.push_back({below, i < values.bounds.size()
                                              ? values.bounds[i]
                                              : std::numeric_limits<double>::infinity()});
  }
  to.histogram.sample_count = below;
  to.histogram.sample_sum = values.sum;
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

void set_value(MetricReading& to, const Counter& from) {
  to.value = static_cast<double>(from.value());
}
void set_value(MetricReading& to, const Gauge& from) {
  to.value = from.value();
}
void set_value(MetricReading& to, const Histogram& from) {
  to.distribution = from.values();
  to.value = to.distribution.sum;
}

template <class Families>
void read(const Families& families, const char* kind, std::vector<MetricReading>& into) {
  for (const auto& [name, family] : families) {
    for (const auto& [labels, metric] : family.metrics) {
      set_value(into.emplace_back(MetricReading{name, kind, family.help, labels, 0, {}}), *metric);
    }
  }
}

}  // namespace

Counter& MetricRegistry::counter(std::string name, std::string help, MetricLabels labels) {
  const std::lock_guard lock(mutex_);
  check_free(name, gauges_, histograms_);
  return find_or_add(counters_, std::move(name), std::move(help), std::move(labels));
}

Gauge& MetricRegistry::gauge(std::string name, std::string help, MetricLabels labels) {
  const std::lock_guard lock(mutex_);
  check_free(name, counters_, histograms_);
  return find_or_add(gauges_, std::move(name), std::move(help), std::move(labels));
}

Histogram& MetricRegistry::histogram(std::string name, std::string help,
                                     std::span<const double> bounds, MetricLabels labels) {
  const std::lock_guard lock(mutex_);
  check_free(name, counters_, gauges_);
  return find_or_add(histograms_, std::move(name), std::move(help), std::move(labels), bounds);
}

std::string MetricRegistry::prometheus_text() const {
  std::vector<prometheus::MetricFamily> families;
  {
    const std::lock_guard lock(mutex_);
    collect(counters_, prometheus::MetricType::Counter, families);
    collect(gauges_, prometheus::MetricType::Gauge, families);
    collect(histograms_, prometheus::MetricType::Histogram, families);
  }
  return prometheus::TextSerializer{}.Serialize(families);
}

std::vector<MetricReading> MetricRegistry::readings() const {
  std::vector<MetricReading> result;
  const std::lock_guard lock(mutex_);
  read(counters_, "counter", result);
  read(gauges_, "gauge", result);
  read(histograms_, "histogram", result);
  return result;
}

}  // namespace weft
