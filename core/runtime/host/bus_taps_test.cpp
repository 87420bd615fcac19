/// What a client of the control socket gets from a tap.

#include "runtime/host/bus_taps.hpp"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>
#include <weft/testing/sim_world.hpp>

#include "runtime/control/parameters.hpp"
#include "runtime/metrics/registry.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

struct Beat {
  static constexpr std::string_view topic = "weft.test.beat/1";
  int value = 0;

  [[nodiscard]] std::string text() const { return std::to_string(value); }
};

class BusTapsTest : public ::testing::Test {
 protected:
  /// Asks and lets `limit` pass; nothing when there is no answer yet.
  std::optional<Result<std::string>> ask(const std::string& params, Duration limit = 1ms) {
    TapRequest request;
    Schema schema;
    request.describe(schema);
    const auto fits =
        control::bind_parameters(params, schema).and_then([&] { return request.validate(); });
    if (!fits) {
      return tl::unexpected(fits.error());
    }
    auto answer = std::make_shared<std::optional<Result<std::string>>>();
    loop_.run([&] {
      taps_.handle(request, Reply<std::string>(loop_, [answer](Result<std::string> got) {
                     *answer = std::move(got);
                   }));
    });
    world_.run_until([&] { return answer->has_value(); }, limit);
    return *answer;
  }
  Json events(const std::string& params, Duration limit = 1ms) {
    const auto answer = ask(params, limit);
    return answer && *answer ? Json::parse(**answer)["events"] : Json();
  }

  testing::SimWorld world_;
  testing::SimLoop& loop_ = world_.add_loop("host");
  MetricRegistry metrics_;
  BusCore core_{metrics_};
  std::unique_ptr<BusView> writer_ = core_.view("writer", world_.add_loop("writer"));
  std::unique_ptr<BusView> view_ = core_.view("host", loop_);
  BusTaps taps_{*view_, loop_};
};

TEST_F(BusTapsTest, AReadAnswersWhatWasPublishedSinceTheLast) {
  writer_->publish(Beat{0});
  ASSERT_EQ(events(R"({"topic":"weft.test.beat/1"})"), Json::array());
  writer_->publish(Beat{1});
  writer_->publish(Beat{2});
  world_.run_for(1ms);

  const Json seen = events(R"({"tap":1})");

  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0]["text"], "1");
  EXPECT_EQ(seen[1]["text"], "2");
  EXPECT_EQ(seen[0]["publisher"], "writer");
  EXPECT_EQ(seen[0]["time"].get<std::string>().size(),
            std::string("2026-01-01T00:00:00.000000Z").size());
}

TEST_F(BusTapsTest, AReadWaitsForAnEventButNotForEver) {
  writer_->publish(Beat{0});
  (void)ask(R"({"topic":"weft.test.beat/1"})");

  EXPECT_FALSE(ask(R"({"tap":1})"));
  EXPECT_EQ((*ask(R"({"tap":1})")).error().code, make_error_code(Errc::conflict));
  world_.run_for(BusTaps::longest_wait);
  EXPECT_EQ(events(R"({"tap":1})", BusTaps::longest_wait + 1s), Json::array());
}

TEST_F(BusTapsTest, ASlowClientLosesTheOldestAndIsTold) {
  writer_->publish(Beat{0});
  (void)ask(R"({"topic":"weft.test.beat/1"})");
  for (int i = 1; i <= static_cast<int>(BusTaps::max_waiting) + 10; ++i) {
    writer_->publish(Beat{i});
    world_.run_for(1ms);
  }

  const Json seen = events(R"({"tap":1})");

  ASSERT_EQ(seen.size(), BusTaps::max_waiting);
  EXPECT_EQ(seen[0]["text"], "11");
  EXPECT_TRUE(seen[0]["after-gap"].get<bool>());
  EXPECT_FALSE(seen[1]["after-gap"].get<bool>());
}

TEST_F(BusTapsTest, ATapThatNobodyReadsIsClosed) {
  writer_->publish(Beat{0});
  (void)ask(R"({"topic":"weft.test.beat/1"})");

  world_.run_for(BusTaps::longest_silence + 1s);

  EXPECT_EQ((*ask(R"({"tap":1})")).error().code, make_error_code(Errc::not_found));
}

TEST_F(BusTapsTest, RefusesParametersThatNameNeitherATopicNorATap) {
  EXPECT_EQ((*ask(R"({"tap":"x"})")).error().code, make_error_code(Errc::invalid));
  EXPECT_EQ((*ask(R"({"topic":"weft.none/1"})")).error().code, make_error_code(Errc::not_found));
}

}  // namespace
}  // namespace weft::host
