/// Metrics as Prometheus reads them.

#include "metrics/registry.hpp"

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
