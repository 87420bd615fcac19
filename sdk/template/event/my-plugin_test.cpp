/// The plugin in a simulated node, on virtual time.

#include "my-plugin.hpp"

#include <chrono>

#include <gtest/gtest.h>
#include <weft/testing/fake_host.hpp>

namespace my_plugin {
namespace {

using namespace std::chrono_literals;

TEST(MyPlugin, GreetsEveryPeerThatComesUp) {
  weft::testing::SimWorld world;
  weft::testing::FakeHost host{world};
  host.start<MyPlugin>("my-plugin", {{"greeting", std::string("welcome")}});

  host.bus().publish(weft::events::PeerUp{weft::PeerName{7}, "node7", {}});
  world.run_for(1ms);

  EXPECT_TRUE(host.logged("welcome"));
  EXPECT_EQ(host.metrics().counter("my_plugin_peers_total", "").value(), 1u);
}

TEST(MyPlugin, GreetsAPeerOnceThoughItsShortIdChanges) {
  weft::testing::SimWorld world;
  weft::testing::FakeHost host{world};
  host.start<MyPlugin>("my-plugin");

  host.bus().publish(weft::events::PeerUp{weft::PeerName{7}, "node7", 1});
  world.run_for(1ms);
  host.bus().publish(weft::events::PeerUp{weft::PeerName{7}, "node7", 2});
  world.run_for(1ms);

  EXPECT_EQ(host.metrics().counter("my_plugin_peers_total", "").value(), 1u);
}

TEST(MyPlugin, HearsOfPeersThatWereUpBeforeItStarted) {
  weft::testing::SimWorld world;
  weft::testing::FakeHost host{world};
  host.bus().publish(weft::events::PeerUp{weft::PeerName{7}, "node7", {}});

  host.start<MyPlugin>("my-plugin");
  world.run_for(1ms);

  EXPECT_TRUE(host.logged("hello"));
}

}  // namespace
}  // namespace my_plugin
