/// The guard comes back by itself.

#include "guard_keeper.hpp"

#include <sched.h>

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include <weft/testing/fake_host.hpp>
#include <weft/testing/running_loop.hpp>

#include "testing/network.hpp"

namespace weft::ipsec {
namespace {

using namespace std::chrono_literals;
using testing::address;
using testing::run;

TEST(GuardKeeper, RestoresWhatOthersFlush) {
  ASSERT_EQ(::unshare(CLONE_NEWNET), 0);  // before the loop's thread starts, which inherits it
  weft::testing::SimWorld world;
  weft::testing::FakeHost host{world};
  weft::testing::RunningLoop loop;
  OverlayLink connection;
  connection.local_address.address = address("10.99.0.1");
  connection.remote_address.address = address("10.99.0.2");
  connection.session_key.emplace();
  std::unique_ptr<Ipsec> ipsec;
  std::unique_ptr<Ipsec::Link> link;
  std::unique_ptr<GuardKeeper> keeper;
  loop.run([&] {
    ipsec = Ipsec::open(loop, 6784).value();
    link = ipsec->link(connection, 6784).value();
    keeper = GuardKeeper::open(loop, host.as_host().log(), *ipsec).value();
  });
  const std::string before = run("nft list ruleset");
  ASSERT_NE(before.find("10.99.0.1 . 10.99.0.2 . 6784"), std::string::npos) << before;

  ASSERT_EQ(run("nft flush ruleset"), "");

  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (run("nft list ruleset") != before && std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_EQ(run("nft list ruleset"), before);
  loop.run([&] {
    keeper.reset();
    link.reset();
    ipsec.reset();
  });
}

}  // namespace
}  // namespace weft::ipsec
