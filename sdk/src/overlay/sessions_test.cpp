/// Calls of the mesh, and what becomes of them on the loop.

#include <weft/overlay/sessions.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <weft/testing/fake_host.hpp>

namespace weft::overlay {
namespace {

using namespace std::chrono_literals;

class RecordingSession final : public Session {
 public:
  explicit RecordingSession(std::vector<std::string>& calls) : calls_(calls) {}

  void confirm() override { calls_.emplace_back("confirm"); }
  void on_control(std::uint8_t subtag, ByteView body) override {
    calls_.push_back("control " + std::to_string(subtag) + " " + std::to_string(body.size()));
  }
  void end() noexcept override { calls_.emplace_back("end"); }
  [[nodiscard]] std::shared_ptr<Forwarder> forwarder() override { return nullptr; }
  [[nodiscard]] OverlayStatus status() const override { return {.overlay = "test"}; }

 private:
  std::vector<std::string>& calls_;
};

class SessionsTest : public ::testing::Test {
 protected:
  using Calls = std::vector<std::string>;

  std::unique_ptr<OverlayConnection> connect(std::uint64_t number, Calls& log) {
    return sessions->connect(number, std::make_shared<RecordingSession>(log));
  }
  void run() { world.run_for(0ms); }

  Calls calls;
  Calls more_calls;
  weft::testing::SimWorld world;
  weft::testing::FakeHost host{world};
  std::unique_ptr<Sessions<RecordingSession>> sessions =
      std::make_unique<Sessions<RecordingSession>>(host.loop());
};

TEST_F(SessionsTest, CarriesCallsToTheLoopInTheirOrder) {
  auto connection = connect(7, calls);
  {
    const Bytes body(3);
    connection->on_control(4, body);
  }
  connection->confirm();
  EXPECT_EQ(connection->status().overlay, "test");
  EXPECT_TRUE(calls.empty());
  run();
  EXPECT_EQ(calls, (Calls{"control 4 3", "confirm"}));
  EXPECT_NE(sessions->find(7), nullptr);

  connection.reset();
  run();
  EXPECT_EQ(calls.back(), "end");
  EXPECT_EQ(sessions->find(7), nullptr);
}

TEST_F(SessionsTest, ConfirmsOnce) {
  const auto connection = connect(7, calls);
  connection->confirm();
  connection->confirm();
  run();
  EXPECT_EQ(calls, Calls{"confirm"});
}

TEST_F(SessionsTest, EndsASessionThatWasNeverConfirmed) {
  connect(7, calls).reset();
  run();
  EXPECT_EQ(calls, Calls{"end"});
}

TEST_F(SessionsTest, FindsTheNewestWithANumberAndTheOtherWhenThatEnds) {
  Calls& others = more_calls;
  const auto first = connect(7, calls);
  auto second = connect(7, others);
  first->confirm();
  run();
  const auto older = sessions->find(7);
  second->confirm();
  run();
  EXPECT_NE(sessions->find(7), older);
  EXPECT_EQ(sessions->all().size(), 2U);
  EXPECT_EQ(sessions->find(6), nullptr);
  EXPECT_EQ(sessions->find(8), nullptr);

  second.reset();
  run();
  EXPECT_EQ(sessions->find(7), older);
  EXPECT_EQ(calls, Calls{"confirm"});
}

TEST_F(SessionsTest, EndsAllWhenItStopsAndCallsNoneAfterwards) {
  auto confirmed = connect(7, calls);
  Calls& others = more_calls;
  auto other = connect(8, others);
  confirmed->confirm();
  run();

  sessions->stop();
  EXPECT_EQ(calls, (Calls{"confirm", "end"}));

  other->confirm();
  confirmed->on_control(1, {});
  confirmed.reset();
  other.reset();
  run();
  EXPECT_EQ(calls.size(), 2U);
  EXPECT_TRUE(others.empty());
}

TEST_F(SessionsTest, MayBeOutlivedByItsConnections) {
  auto connection = connect(7, calls);
  connection->confirm();
  sessions.reset();
  connection->on_control(1, {});
  connection.reset();
  run();
  EXPECT_TRUE(calls.empty());
}

}  // namespace
}  // namespace weft::overlay
