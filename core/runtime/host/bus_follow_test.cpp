/// What waits for a client that follows topics, however slow it is.

#include "runtime/host/bus_follow.hpp"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>
#include <weft/testing/sim_world.hpp>

#include "runtime/metrics/registry.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

FollowedEvent state(std::string key, std::string text) {
  FollowedEvent event;
  event.topic = "t.state/1";
  event.is_state = true;
  event.key = std::move(key);
  event.text = std::move(text);
  return event;
}

FollowedEvent signal(std::string text, bool after_gap = false) {
  FollowedEvent event;
  event.topic = "t.signal/1";
  event.text = std::move(text);
  event.after_gap = after_gap;
  return event;
}

class FollowQueueTest : public ::testing::Test {
 protected:
  void add(FollowedEvent event) { queue_.add(std::move(event), {}, {}); }
  /// The next line's text, "gap", or "" when there is none.
  std::string next() {
    const auto line = queue_.next();
    const Json json = line ? Json::parse(*line) : Json{{"text", ""}};
    return json.contains("gap") ? "gap" : json["text"].get<std::string>();
  }

  FollowQueue queue_;
};

TEST_F(FollowQueueTest, KeepsTheOrderAndTheNewestValueOfAState) {
  add(state("a", "a1"));
  add(signal("s1"));
  add(state("b", "b1"));
  add(state("a", "a2"));
  EXPECT_EQ(next(), "a2");
  add(state("a", "a3"));

  EXPECT_EQ(next(), "s1");
  EXPECT_EQ(next(), "b1");
  EXPECT_EQ(next(), "a3");
  EXPECT_EQ(next(), "");
}

TEST_F(FollowQueueTest, DropsTheOldestSignalsAndSaysSoOnce) {
  add(state("a", "a1"));
  for (std::size_t i = 0; i < FollowQueue::max_signals + 2; ++i) {
    add(signal(std::to_string(i)));
  }

  EXPECT_EQ(next(), "a1");
  EXPECT_EQ(next(), "gap");
  EXPECT_EQ(next(), "2");
  EXPECT_EQ(next(), "3");
}

TEST_F(FollowQueueTest, PassesOnWhatTheBusDropped) {
  add(signal("1"));
  EXPECT_EQ(next(), "1");
  add(signal("5", /*after_gap=*/true));

  EXPECT_EQ(next(), "gap");
  EXPECT_EQ(next(), "5");
}

struct Beat {
  static constexpr std::string_view topic = "weft.test.beat/1";
  int value = 0;

  [[nodiscard]] int key() const { return 7; }
  [[nodiscard]] std::string text() const { return std::to_string(value); }
  [[nodiscard]] std::string json() const { return "{\"value\":" + text() + "}"; }
};

TEST(BusFollow, OpensAStreamOfLines) {
  testing::SimWorld world;
  testing::SimLoop& loop = world.add_loop("host");
  MetricRegistry metrics;
  BusCore core{metrics};
  const auto writer = core.view("writer", world.add_loop("writer"));
  const auto view = core.view("host", loop);
  const auto command = follow_command(core, *view, loop);
  int woken = 0;
  writer->publish(Beat{1});

  auto opened = command.open(R"({"topics":["weft.test.*","weft.none/1"]})", [&] { ++woken; });
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(opened->answer, R"({"topics":["weft.test.beat/1"]})");
  world.run_for(1ms);

  EXPECT_EQ(woken, 1);
  const Json line = Json::parse(opened->lines->next().value());
  EXPECT_EQ(line["topic"], "weft.test.beat/1");
  EXPECT_EQ(line["kind"], "state");
  EXPECT_EQ(line["publisher"], "writer");
  EXPECT_EQ(line["key"], "7");
  EXPECT_EQ(line["event"].dump(), R"({"value":1})");
  EXPECT_EQ(line["time"].get<std::string>().size(),
            std::string("2026-01-01T00:00:00.000000Z").size());
  EXPECT_FALSE(opened->lines->next());

  opened->lines.reset();
  writer->publish(Beat{2});
  world.run_for(1ms);
  EXPECT_EQ(woken, 1) << "nobody follows any more";
}

TEST(BusFollow, RefusesAClientThatNamesNoTopic) {
  testing::SimWorld world;
  testing::SimLoop& loop = world.add_loop("host");
  MetricRegistry metrics;
  BusCore core{metrics};
  const auto view = core.view("host", loop);
  const auto command = follow_command(core, *view, loop);

  for (const char* const params : {"{}", R"({"topics":[]})", R"({"topics":"a"})"}) {
    const auto opened = command.open(params, [] {});
    ASSERT_FALSE(opened) << params;
    EXPECT_EQ(opened.error().code, make_error_code(Errc::invalid)) << params;
  }
}

}  // namespace
}  // namespace weft::host
