/// What undoes the guard of nodes' ports, on a kernel that has flowtables and VRF.

#include "node_guard.hpp"

#include <netinet/in.h>
#include <sched.h>

#include <algorithm>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <weft/testing/fake_host.hpp>
#include <weft/testing/running_loop.hpp>

#include "shell.hpp"

namespace weft::bridge {
namespace {

using testing::run;

class NodeGuardVmTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);  // before the loop's thread starts, which inherits it
    ASSERT_EQ(run("ip link add weave type bridge && ip link set weave up && "
                  "ip link add eth0 type veth peer name wire && ip link set eth0 up"),
              "");
    loop_.emplace();
    guard_.emplace(*loop_, host_.as_host().log(), host_.as_host().metrics());
    ASSERT_TRUE(loop_->run([this] {
      guard_->add_port({"mesh", IPPROTO_TCP, 6783});
      return guard_->start("weave");
    }));
  }
  void TearDown() override {
    loop_->run([this] { guard_->stop(); });
    loop_.reset();
  }

  bool is_wrong(std::string_view text) {
    const auto checks = loop_->run([this] { return guard_->checks().value(); });
    return std::ranges::any_of(checks, [&](const doctor::Check& check) {
      return check.state == doctor::State::wrong && check.text.find(text) != std::string::npos;
    });
  }

  weft::testing::SimWorld world_;
  weft::testing::FakeHost host_{world_};
  std::optional<NodeGuard> guard_;
  std::optional<weft::testing::RunningLoop> loop_;  // ends before what it runs
};

TEST_F(NodeGuardVmTest, NoticesAFlowtableWithTheBridge) {
  EXPECT_FALSE(is_wrong(""));
  ASSERT_EQ(run("nft 'add table inet f; add flowtable inet f fast { hook ingress priority 0; "
                "devices = { weave, eth0 }; }'"),
            "");
  EXPECT_TRUE(is_wrong("flowtable 'fast'"));
}

TEST_F(NodeGuardVmTest, NoticesThatTheBridgeIsInAVrf) {
  ASSERT_EQ(run("ip link add red type vrf table 10 && ip link set weave master red"), "");
  EXPECT_TRUE(is_wrong("part of 'red'"));
}

}  // namespace
}  // namespace weft::bridge
