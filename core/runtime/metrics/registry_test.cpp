/// Metrics as Prometheus reads them.

#include "runtime/metrics/registry.hpp"

#include <gtest/gtest.h>

namespace weft {
namespace {

TEST(MetricRegistry, WritesPrometheusText) {
  MetricRegistry metrics;
  metrics.counter("weft_test_frames_total", "Frames.", {{"lane", "0"}}).add(3);
  metrics.gauge("weft_test_peers", "Peers.", {}).set(2);

  const std::string text = metrics.prometheus_text();

  EXPECT_NE(text.find("# TYPE weft_test_frames_total counter"), std::string::npos);
  EXPECT_NE(text.find("weft_test_frames_total{lane=\"0\"} 3"), std::string::npos);
  EXPECT_NE(text.find("weft_test_peers 2"), std::string::npos);
}

TEST(MetricRegistry, GivesTheSameObjectForTheSameNameAndLabels) {
  MetricRegistry metrics;
  Counter& first = metrics.counter("weft_test_total", "T.", {{"a", "1"}, {"b", "2"}});

  EXPECT_EQ(&first, &metrics.counter("weft_test_total", "T.", {{"b", "2"}, {"a", "1"}}));
  EXPECT_NE(&first, &metrics.counter("weft_test_total", "T.", {{"a", "1"}, {"b", "3"}}));
}

TEST(MetricRegistry, WritesAHistogramWithCumulativeBuckets) {
  MetricRegistry metrics;
  const std::array<double, 2> bounds{1, 2};
  Histogram& sizes = metrics.histogram("weft_test_size", "S.", bounds, {});

  for (const double value : {1.0, 1.5, 7.0}) {
    sizes.observe(value);
  }

  const std::string text = metrics.prometheus_text();
  EXPECT_NE(text.find("# TYPE weft_test_size histogram"), std::string::npos) << text;
  EXPECT_NE(text.find("weft_test_size_bucket{le=\"1\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("weft_test_size_bucket{le=\"2\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("weft_test_size_bucket{le=\"+Inf\"} 3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("weft_test_size_sum 9.5"), std::string::npos) << text;
}

TEST(Histogram, TellsBelowWhichBoundAShareOfTheValuesLies) {
  Histogram times{duration_bounds};
  EXPECT_EQ(times.values().quantile(0.5), 0);

  for (int i = 0; i < 99; ++i) {
    times.observe(3e-6);
  }
  times.observe(60);

  EXPECT_EQ(times.values().quantile(0.5), 5e-6);
  EXPECT_EQ(times.values().quantile(0.99), 5e-6);
  EXPECT_EQ(times.values().quantile(1), 10);
  EXPECT_EQ(times.values().count(), 100u);
}

TEST(MetricRegistry, SumsWhatLanesCounted) {
  MetricRegistry metrics;
  Counter& frames = metrics.counter("weft_test_total", "T.", {});

  frames.add_on_lane(0, 2);
  frames.add_on_lane(1, 3);
  frames.add(4);

  EXPECT_EQ(frames.value(), 9u);
}

}  // namespace
}  // namespace weft
