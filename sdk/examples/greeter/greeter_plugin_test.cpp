/// The provider in a simulated node.

#include "greeter_plugin.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include <weft/testing/fake_host.hpp>

namespace example {
namespace {

using namespace std::chrono_literals;

class GreeterPluginTest : public ::testing::Test {
 protected:
  GreeterPluginTest() { host.start<GreeterPlugin>("greeter", {{"thinking", "1s"}}); }

  weft::testing::SimWorld world;
  weft::testing::FakeHost host{world};
};

TEST_F(GreeterPluginTest, ServesBothVersionsFromOneObject) {
  Greeter* const first = *host.services().require<Greeter>();
  Greeter2* const second = *host.services().require<Greeter2>();

  EXPECT_EQ(first, second);
  EXPECT_EQ(host.await<std::string>([&](auto reply) { first->greet("Ada", std::move(reply)); }),
            "Hello, Ada");
  EXPECT_EQ(
      host.await<std::string>([&](auto reply) { second->greet_in("de", "Ada", std::move(reply)); }),
      "Guten Tag, Ada");
}

TEST_F(GreeterPluginTest, ThinksAboutSeveralGreetingsAtOnce) {
  Greeter* const greeter = *host.services().require<Greeter>();
  std::vector<std::string> answers;
  host.loop().run([&] {
    for (const char* const name : {"Ada", "Grace"}) {
      greeter->greet(name, weft::Reply<std::string>(
                               host.loop(), [&](auto got) { answers.push_back(got.value()); }));
    }
  });

  world.run_for(1100ms);

  EXPECT_EQ(answers, (std::vector<std::string>{"Hello, Ada", "Hello, Grace"}));
}

TEST_F(GreeterPluginTest, AnswersAbandonedWhenItStopsInTheMiddle) {
  Greeter* const greeter = *host.services().require<Greeter>();
  std::optional<weft::Result<std::string>> answer;
  host.loop().run([&] {
    greeter->greet("Ada", weft::Reply<std::string>(
                              host.loop(), [&](auto got) { answer.emplace(std::move(got)); }));
  });
  world.run_for(500ms);
  ASSERT_FALSE(answer);

  host.stop("greeter");
  world.run_for(0ms);

  ASSERT_TRUE(answer);
  ASSERT_FALSE(*answer);
  EXPECT_EQ(answer->error().code, weft::Errc::abandoned);
}

}  // namespace
}  // namespace example
