/// Who hears what, in which order, and what happens to slow readers.

#include "runtime/bus/bus_core.hpp"

#include <algorithm>
#include <future>
#include <thread>

#include <gtest/gtest.h>
#include <weft/json.hpp>
#include <weft/testing/sim_world.hpp>

#include "runtime/loop/thread_loop.hpp"
#include "runtime/metrics/registry.hpp"

namespace weft {
namespace {

using namespace std::chrono_literals;

struct Noise {
  static constexpr std::string_view topic = "weft.test.noise/1";
  int value = 0;
  std::shared_ptr<int> witness{};
};

struct Level {
  static constexpr std::string_view topic = "weft.test.level/1";
  std::string name;
  int value = 0;
  std::shared_ptr<int> witness{};

  [[nodiscard]] const std::string& key() const { return name; }
  [[nodiscard]] std::string text() const { return name + "=" + std::to_string(value); }
  [[nodiscard]] std::string json() const { return JsonObject().number("value", value).take(); }
};

/// An event whose text is written by a function beside it.
struct Alarm {
  static constexpr std::string_view topic = "weft.test.alarm/1";
  int value = 0;
};
std::string to_text(const Alarm& alarm) {
  return "alarm " + std::to_string(alarm.value);
}

/// The same topic as Noise, from a library built against another SDK.
struct OtherNoise {
  static constexpr std::string_view topic = "weft.test.noise/1";
  char value = 0;
};

class BusTest : public ::testing::Test {
 protected:
  testing::SimWorld world_;
  testing::SimLoop& loop_ = world_.add_loop("reader");
  MetricRegistry metrics_;
  BusCore core_{metrics_};
  std::unique_ptr<BusView> writer_ = core_.view("writer", world_.add_loop("writer"));
  std::unique_ptr<BusView> reader_ = core_.view("reader", loop_);
  std::vector<int> seen_;
};

TEST_F(BusTest, DeliversSignalsInOrderOnTheSubscribersLoop) {
  const Subscription noise = reader_->subscribe<Noise>([&](const Noise& event) {
    EXPECT_TRUE(loop_.is_current());
    seen_.push_back(event.value);
  });

  for (int i = 0; i < 3; ++i) {
    writer_->publish(Noise{i});
  }
  EXPECT_TRUE(seen_.empty());
  world_.run_for(1ms);

  EXPECT_EQ(seen_, (std::vector{0, 1, 2}));
}

TEST_F(BusTest, KeepsThePublishersOrderAcrossTopics) {
  const Subscription level =
      reader_->subscribe<Level>([&](const Level& event) { seen_.push_back(event.value); });
  const Subscription noise =
      reader_->subscribe<Noise>([&](const Noise& event) { seen_.push_back(event.value); });

  for (int i = 0; i < 100; i += 2) {
    writer_->publish(Noise{i});
    writer_->publish(Level{std::to_string(i), i + 1});
  }
  world_.run_for(1ms);

  EXPECT_TRUE(std::is_sorted(seen_.begin(), seen_.end()));
  EXPECT_EQ(seen_.size(), 100u);
}

TEST_F(BusTest, CoalescesStateAndCountsIt) {
  const Subscription level =
      reader_->subscribe<Level>([&](const Level& event) { seen_.push_back(event.value); });

  writer_->publish(Level{"a", 1});
  writer_->publish(Level{"b", 2});
  writer_->publish(Level{"a", 3});
  world_.run_for(1ms);

  EXPECT_EQ(seen_, (std::vector{3, 2}));
  const auto statistics = core_.statistics().at(0);
  EXPECT_TRUE(statistics.is_state);
  EXPECT_EQ(statistics.published, 3u);
  EXPECT_EQ(statistics.current_values, 2u);
  EXPECT_EQ(statistics.subscribers.at(0).coalesced, 1u);
  EXPECT_EQ(statistics.subscribers.at(0).delivered, 2u);
  EXPECT_EQ(statistics.subscribers.at(0).high_water, 2u);
  EXPECT_EQ(statistics.subscribers.at(0).depth, 0u);
}

TEST_F(BusTest, GivesALateSubscriberTheCurrentValues) {
  writer_->publish(Level{"a", 1});
  writer_->publish(Level{"b", 2});
  writer_->publish(Level{"a", 3});
  writer_->retract<Level>(std::string("b"));

  const Subscription level =
      reader_->subscribe<Level>([&](const Level& event) { seen_.push_back(event.value); });
  world_.run_for(1ms);

  EXPECT_EQ(seen_, std::vector{3});
}

TEST_F(BusTest, DropsTheOldestSignalsWithOneGap) {
  int gaps = 0;
  const Subscription noise =
      reader_->subscribe<Noise>([&](const Noise& event) { seen_.push_back(event.value); },
                                [&] {
                                  EXPECT_TRUE(seen_.empty());
                                  ++gaps;
                                },
                                4);

  for (int i = 0; i < 10; ++i) {
    writer_->publish(Noise{i});
  }
  world_.run_for(1ms);

  EXPECT_EQ(seen_, (std::vector{6, 7, 8, 9}));
  EXPECT_EQ(gaps, 1);
  EXPECT_EQ(core_.statistics().at(0).subscribers.at(0).dropped, 6u);
}

TEST_F(BusTest, LetsTimersInBetweenLongBacklogs) {
  const Subscription noise =
      reader_->subscribe<Noise>([&](const Noise& event) { seen_.push_back(event.value); });
  for (int i = 0; i < 200; ++i) {
    writer_->publish(Noise{i});
  }
  std::size_t seen_by_task = 0;
  loop_.post([&] { seen_by_task = seen_.size(); });

  world_.run_for(1ms);

  EXPECT_EQ(seen_by_task, Mailbox::deliveries_per_turn);
  EXPECT_EQ(seen_.size(), 200u);
}

TEST_F(BusTest, DeliversNothingAfterTheSubscriptionEnded) {
  auto witness = std::make_shared<int>(0);
  Subscription noise = reader_->subscribe<Noise>([&, witness](const Noise& event) {
    seen_.push_back(event.value);
    noise = {};
  });
  writer_->publish(Noise{1});
  writer_->publish(Noise{2});

  world_.run_for(1ms);

  EXPECT_EQ(seen_, std::vector{1});
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(BusTest, ReleasesThePublishersEventsWithItsView) {
  auto witness = std::make_shared<int>(0);
  const Subscription noise =
      reader_->subscribe<Noise>([&](const Noise& event) { seen_.push_back(event.value); });
  const auto other = core_.view("other", loop_);
  writer_->publish(Noise{1, witness});
  other->publish(Noise{2});
  writer_->publish(Level{"a", 1, witness});

  writer_.reset();

  EXPECT_EQ(witness.use_count(), 1);
  world_.run_for(1ms);
  EXPECT_EQ(seen_, std::vector{2});
}

TEST_F(BusTest, ReleasesWhatNobodyReadWhenTheReaderIsGone) {
  auto witness = std::make_shared<int>(0);
  {
    const Subscription noise = reader_->subscribe<Noise>([](const Noise&) {});
    writer_->publish(Noise{1, witness});
  }

  reader_.reset();

  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(BusTest, KeepsEachPublishersOrderWhenSeveralThreadsPublish) {
  constexpr int per_publisher = 2000;
  BlockingPool pool;
  ThreadLoop loop("reader", pool, [](const Error& error) { FAIL() << error.message(); });
  loop.start();
  const auto view = core_.view("threaded", loop);
  Subscription noise;
  std::array<int, 2> newest{-1, -1};
  std::promise<void> all_seen;
  std::promise<void> subscribed;
  loop.post([&] {
    noise = view->subscribe<Noise>(
        [&](const Noise& event) {
          int& last = newest[static_cast<std::size_t>(event.value % 2)];
          EXPECT_GT(event.value, last);
          last = event.value;
          if (newest[0] + newest[1] == 4 * per_publisher - 3) {
            all_seen.set_value();
          }
        },
        {}, 2 * per_publisher);
    subscribed.set_value();
  });
  subscribed.get_future().wait();

  const auto publish = [&](int parity) {
    for (int i = 0; i < per_publisher; ++i) {
      writer_->publish(Noise{2 * i + parity});
    }
  };
  std::thread even(publish, 0);
  std::thread odd(publish, 1);
  even.join();
  odd.join();
  all_seen.get_future().wait();

  std::promise<void> ended;
  loop.post([&] {
    noise = {};
    ended.set_value();
  });
  ended.get_future().wait();
  loop.close();
  loop.join();
}

TEST_F(BusTest, AnEventPublishedByAHandlerInheritsItsTrace) {
  std::vector<TraceId> traces;
  const Subscription noise = reader_->subscribe<Noise>([&](const Noise& event) {
    traces.push_back(current_trace());
    reader_->publish(Alarm{event.value});
  });
  const Subscription alarm =
      reader_->subscribe<Alarm>([&](const Alarm&) { traces.push_back(current_trace()); });

  writer_->publish(Noise{1});
  world_.run_for(1ms);
  writer_->publish(Noise{2});
  world_.run_for(1ms);

  ASSERT_EQ(traces.size(), 4u);
  EXPECT_NE(traces[0], 0u);
  EXPECT_EQ(traces[1], traces[0]);
  EXPECT_EQ(traces[3], traces[2]);
  EXPECT_NE(traces[2], traces[0]);
  EXPECT_EQ(current_trace(), 0u);
}

TEST_F(BusTest, MeasuresTheTimeFromPublicationToDelivery) {
  const Subscription noise = reader_->subscribe<Noise>([](const Noise&) {});

  writer_->publish(Noise{1});
  world_.run_for(1ms);

  const TopicStatistics topic = core_.statistics().at(0);
  EXPECT_EQ(topic.subscribers.at(0).latency.count(), 1u);
  EXPECT_LE(topic.subscribers.at(0).latency.quantile(0.5), 1e-3);
  EXPECT_NE(
      metrics_.prometheus_text().find(
          "weft_bus_latency_seconds_count{subscriber=\"reader\",topic=\"weft.test.noise/1\"} 1"),
      std::string::npos)
      << metrics_.prometheus_text();
}

TEST_F(BusTest, CountsWhatIsPublishedAndDropped) {
  const Subscription noise = reader_->subscribe<Noise>([](const Noise&) {}, {}, /*depth=*/2);

  for (int i = 0; i < 5; ++i) {
    writer_->publish(Noise{i});
  }

  const MetricLabels labels{{"topic", "weft.test.noise/1"}};
  EXPECT_EQ(metrics_.counter("weft_bus_published_total", "", labels).value(), 5u);
  EXPECT_EQ(metrics_.counter("weft_bus_dropped_total", "", labels).value(), 3u);
}

TEST_F(BusTest, AFollowerBeginsWithTheCurrentValuesAndSeesEachEventInBothForms) {
  writer_->publish(Level{"a", 1});
  writer_->publish(Level{"b", 2});
  std::vector<FollowedEvent> seen;
  const Subscription following = reader_->follow(
      {Level::topic.data()}, [&](FollowedEvent event) { seen.push_back(std::move(event)); });
  world_.run_for(1ms);
  writer_->publish(Level{"a", 3});
  world_.run_for(1ms);

  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0].text, "a=1");
  EXPECT_EQ(seen[1].text, "b=2");
  EXPECT_EQ(seen[2].text, "a=3");
  EXPECT_EQ(seen[2].json, R"({"value":3})");
  EXPECT_EQ(seen[2].topic, Level::topic);
  EXPECT_TRUE(seen[2].is_state);
  EXPECT_EQ(seen[2].publisher, "writer");
  EXPECT_EQ(seen[2].key, "a");
  EXPECT_NE(seen[0].trace, seen[1].trace);
  EXPECT_TRUE(core_.statistics().at(0).subscribers.empty()) << "it is nobody's subscription";
}

TEST_F(BusTest, AFollowerThatIsSlowLosesTheOldestSignalsAndIsTold) {
  std::vector<FollowedEvent> seen;
  const Subscription following = reader_->follow(
      {"*"}, [&](FollowedEvent event) { seen.push_back(std::move(event)); }, /*depth=*/2);

  for (int i = 1; i <= 5; ++i) {
    writer_->publish(Alarm{i});
    writer_->publish(Level{"a", i});
  }
  world_.run_for(1ms);

  ASSERT_EQ(seen.size(), 3U);
  std::ranges::sort(seen, {}, &FollowedEvent::text);
  EXPECT_EQ(seen[0].text, "a=5");
  EXPECT_EQ(seen[1].text, "alarm 4");
  EXPECT_TRUE(seen[1].after_gap);
  EXPECT_FALSE(seen[2].after_gap);
}

TEST_F(BusTest, AFollowerHearsOfTopicsThatComeIntoBeingLater) {
  std::vector<std::string> seen;
  Subscription following =
      reader_->follow({"weft.test.a*", "weft.test.l*"},
                      [&](const FollowedEvent& event) { seen.push_back(event.text); });
  EXPECT_TRUE(core_.topics("*").empty());

  writer_->publish(Alarm{1});
  writer_->publish(Noise{2});
  world_.run_for(1ms);
  EXPECT_EQ(seen, std::vector<std::string>{"alarm 1"});
  EXPECT_EQ(core_.topics("weft.test.a*"), std::vector<std::string>{"weft.test.alarm/1"});

  writer_->publish(Alarm{2});
  following = {};
  writer_->publish(Level{"a", 3});
  world_.run_for(1ms);
  EXPECT_EQ(seen.size(), 1U) << "nothing once it ended";
}

TEST_F(BusTest, RefusesALibraryThatDisagreesAboutATopic) {
  writer_->publish(Noise{1});

  EXPECT_THROW(reader_->publish(OtherNoise{}), std::logic_error);
}

}  // namespace
}  // namespace weft
