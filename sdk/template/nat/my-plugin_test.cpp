/// What is run for a network, and what its failure answers.

#include "my-plugin.hpp"

#include <gtest/gtest.h>
#include <weft/testing/fake_host.hpp>

namespace my_plugin {
namespace {

const weft::net::Cidr pods = weft::net::parse_cidr("10.32.0.0/12").value();

weft::Result<> masquerade(const std::string& command) {
  weft::testing::SimWorld world;
  weft::testing::FakeHost host{world};
  host.start<MyPlugin>("my-plugin", {{"command", command}});
  weft::Nat& nat = **host.services().require<weft::Nat>();
  return host.await<>([&](weft::Reply<> reply) { nat.masquerade(pods, std::move(reply)); });
}

TEST(MyPlugin, NamesTheNetworkAndWhatToDo) {
  EXPECT_EQ(arguments("/sbin/nat", true, pods),
            (std::vector<std::string>{"/sbin/nat", "add", "10.32.0.0/12"}));
}

TEST(MyPlugin, AnswersWhenTheCommandSucceeded) {
  EXPECT_TRUE(masquerade("/bin/true"));
}

TEST(MyPlugin, PassesAFailureOn) {
  EXPECT_EQ(masquerade("/bin/false").error().code, weft::Errc::denied);
  EXPECT_EQ(masquerade("/does/not/exist").error().code, std::errc::no_such_file_or_directory);
}

}  // namespace
}  // namespace my_plugin
