/// The consumer in a simulated node, with the real provider and with others.

#include "visitor_plugin.hpp"

#include <gtest/gtest.h>

#include <utility>

#include <weft/testing/fake_host.hpp>

#include "greeter/greeter_plugin.hpp"

namespace example {
namespace {

using namespace std::chrono_literals;

/// A provider from before example.greeter/2.
class OldGreeter final : public weft::Plugin, public Greeter {
 public:
  explicit OldGreeter(weft::Host& host) : host_(host) {}
  [[nodiscard]] weft::Result<> start() override { return host_.services().provide<Greeter>(*this); }
  void stop() noexcept override {}
  void greet(std::string name, weft::Reply<std::string> reply) override { reply("Hi " + name); }

 private:
  weft::Host& host_;
};

/// A provider that stops before it answers.
class VanishingGreeter final : public weft::Plugin, public Greeter {
 public:
  explicit VanishingGreeter(weft::Host& host) : host_(host) {}
  [[nodiscard]] weft::Result<> start() override { return host_.services().provide<Greeter>(*this); }
  void stop() noexcept override {}
  void greet(std::string /*name*/, weft::Reply<std::string> /*reply*/) override {}

 private:
  weft::Host& host_;
};

class VisitorTest : public ::testing::Test {
 protected:
  weft::testing::SimWorld world;
  weft::testing::FakeHost host{world};
};

TEST_F(VisitorTest, IsGreetedInItsLanguage) {
  host.start<GreeterPlugin>("greeter");
  host.start<VisitorPlugin>("visitor", {{"name", "Ada"}, {"language", "fr"}});

  EXPECT_EQ(host.call("visitor.visit"), "\"Bonjour, Ada\"");
}

TEST_F(VisitorTest, MakesDoWithTheOlderInterface) {
  host.start<OldGreeter>("greeter");
  host.start<VisitorPlugin>("visitor", {{"name", "Ada"}, {"language", "fr"}});

  EXPECT_EQ(host.call("visitor.visit"), "\"Hi Ada\"");
}

TEST_F(VisitorTest, PassesTheGreetersErrorsOn) {
  host.start<GreeterPlugin>("greeter");
  host.start<VisitorPlugin>("visitor", {{"language", "xx"}});

  const auto answer = host.call("visitor.visit");

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, weft::Errc::not_found);
}

TEST_F(VisitorTest, HearsWhenTheGreeterStoppedInsteadOfAnswering) {
  host.start<VanishingGreeter>("greeter");
  host.start<VisitorPlugin>("visitor");

  const auto answer = host.call("visitor.visit");

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, weft::Errc::abandoned);
}

TEST_F(VisitorTest, DoesNotStartWithoutAGreeter) {
  const auto started = host.try_start<VisitorPlugin>("visitor");

  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, weft::Errc::not_found);
}

}  // namespace
}  // namespace example
