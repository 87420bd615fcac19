/// The service as another plugin sees it.

#include "my-plugin.hpp"

#include <gtest/gtest.h>
#include <weft/testing/fake_host.hpp>

namespace my_plugin {
namespace {

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() { host_.start<MyPlugin>("my-plugin"); }

  weft::Result<std::string> ask(const std::string& question) {
    Service& service = **host_.services().require<Service>();
    return host_.await<std::string>(
        [&](weft::Reply<std::string> reply) { service.ask(question, std::move(reply)); });
  }

  weft::testing::SimWorld world_;
  weft::testing::FakeHost host_{world_};
};

TEST_F(ServiceTest, AnswersInCapitals) {
  EXPECT_EQ(ask("who is there").value(), "WHO IS THERE");
}

TEST_F(ServiceTest, RefusesAnEmptyQuestion) {
  EXPECT_EQ(ask("").error().code, weft::Errc::invalid);
}

TEST_F(ServiceTest, ServesItsControlCommand) {
  EXPECT_EQ(host_.call("my-plugin.ask", R"({"question":"who?"})").value(), R"("WHO?")");
  EXPECT_EQ(host_.call("my-plugin.ask", "{}").error().code, weft::Errc::invalid);
}

}  // namespace
}  // namespace my_plugin
