/// Ports of pods in a real kernel, and others that meddle with them.

#include "pod_ports.hpp"

#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <gtest/gtest.h>

#include <weft/netlink/link.hpp>

#include "linux_bridge.hpp"
#include "shell.hpp"

namespace weft::bridge {
namespace {

using weft::testing::run;

constexpr const char* port = "vethwepl1";

class PodPortsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) {
      GTEST_SKIP() << "cannot create namespaces: " << std::strerror(errno);
    }
    socket_.emplace(nl::Socket::open(NETLINK_ROUTE).value());
    ASSERT_EQ(run("mount -t tmpfs tmpfs /run && ip link add weave mtu 1376 type bridge && "
                  "ip link set weave up && ip netns add pod && ip link add vethwepl1 mtu 1376 "
                  "type veth peer name eth0 mtu 1376 netns pod && "
                  "ip link set vethwepl1 alias weft:c1/eth0 && ip -n pod link set eth0 up"),
              "");
  }
  /// Returns once the kernel has seen that both ends are up. Until then the bridge may still set
  /// the port forwarding by itself.
  static void attach() {
    ASSERT_EQ(run("ip link set vethwepl1 master weave up"), "");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (run("ip -br link show vethwepl1").find(" UP ") == std::string::npos) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    }
  }

  std::vector<std::string> faults() {
    std::vector<std::string> texts;
    for (const auto found = ports_.check(*socket_, "weave").value();
         const PodPortFault& fault : found) {
      EXPECT_EQ(fault.port, port);
      EXPECT_EQ(fault.pod, "c1/eth0");
      texts.push_back(fault.what);
    }
    return texts;
  }
  /// What `weft doctor` finds wrong.
  std::vector<doctor::Check> wrong() {
    auto checks = PodPorts::checks(*socket_, "weave", owned_).value();
    std::erase_if(checks, [](const auto& each) { return each.state == doctor::State::ok; });
    return checks;
  }
  nl::Link link() { return nl::require_link(*socket_, port).value(); }

  std::optional<nl::Socket> socket_;
  std::vector<net::Cidr> owned_;
  PodPorts ports_;
};

struct Meddling {
  const char* command;
  const char* warning;
};

class PodPortsPutBackTest : public PodPortsTest, public ::testing::WithParamInterface<Meddling> {};

TEST_P(PodPortsPutBackTest, WhatCutsAPodOffIsPutBackAndSaidOnce) {
  attach();
  ASSERT_EQ(faults(), std::vector<std::string>{});
  const nl::Link before = link();
  ASSERT_EQ(run(GetParam().command), "");

  EXPECT_EQ(faults(), std::vector<std::string>{GetParam().warning});

  EXPECT_EQ(link().master, before.master);
  EXPECT_EQ(link().mtu, before.mtu);
  EXPECT_TRUE(link().is_up);
  EXPECT_EQ(faults(), std::vector<std::string>{});
  EXPECT_EQ(wrong(), std::vector<doctor::Check>{});
}

INSTANTIATE_TEST_SUITE_P(
    Others, PodPortsPutBackTest,
    ::testing::Values(Meddling{"ip link set vethwepl1 nomaster",
                               "pod's port was taken off the bridge; attached again"},
                      Meddling{"ip link set vethwepl1 down",
                               "pod's port was set down; set up again"},
                      Meddling{"ip link set vethwepl1 mtu 600",
                               "pod's port got a smaller MTU than its pod; set again"}));

class PodPortsSayTest : public PodPortsTest, public ::testing::WithParamInterface<Meddling> {};

TEST_P(PodPortsSayTest, WhatSomebodyMayMeanIsLeftAndSaidWithAnythingThatAsks) {
  attach();
  ASSERT_EQ(faults(), std::vector<std::string>{});
  ASSERT_EQ(run(GetParam().command), "");

  EXPECT_EQ(faults(), std::vector<std::string>{GetParam().warning});
  EXPECT_EQ(faults(), std::vector<std::string>{GetParam().warning});
  ASSERT_EQ(wrong().size(), 1u);
  EXPECT_EQ(wrong()[0].text, std::string(GetParam().warning) + ": vethwepl1 of c1/eth0");
}

INSTANTIATE_TEST_SUITE_P(
    Others, PodPortsSayTest,
    ::testing::Values(
        Meddling{"bridge link set dev vethwepl1 isolated on", "pod's port has isolation on"},
        Meddling{"bridge link set dev vethwepl1 state 0", "pod's port has forwarding off"},
        Meddling{"bridge link set dev vethwepl1 learning off", "pod's port has learning off"},
        Meddling{"bridge link set dev vethwepl1 flood off",
                 "pod's port has flooding of unknown MACs off"},
        Meddling{"ip link set weave mtu 1000",
                 "pod may send packets of 1376 bytes, but others take 1000 since "
                 "the bridge's MTU was lowered; make the pod again"}));

TEST_F(PodPortsTest, WhatWeftCniIsStillMakingIsLeftToIt) {
  EXPECT_EQ(faults(), std::vector<std::string>{});
  EXPECT_EQ(link().master, 0);

  ASSERT_EQ(run("ip link set vethwepl1 master weave"), "");
  EXPECT_EQ(faults(), std::vector<std::string>{});
  EXPECT_FALSE(link().is_up);
}

TEST_F(PodPortsTest, AnotherBridgesPortIsNotOurs) {
  attach();
  ASSERT_EQ(faults(), std::vector<std::string>{});
  ASSERT_EQ(run("ip link add other type bridge && ip link set vethwepl1 master other"), "");

  EXPECT_EQ(faults(), std::vector<std::string>{});
  EXPECT_EQ(wrong(), std::vector<doctor::Check>{});
}

TEST_F(PodPortsTest, ThoseOfABridgeThatWasDeletedAreSaid) {
  attach();
  ASSERT_EQ(run("ip link del weave && ip link add weave type bridge"), "");

  ASSERT_EQ(wrong().size(), 1u);
  EXPECT_EQ(wrong()[0].text, "pod's port is on no bridge: vethwepl1 of c1/eth0");
  EXPECT_EQ(wrong()[0].remedy, "make the pod again, or: ip link set vethwepl1 master weave up");
}

TEST_F(PodPortsTest, WhoseAddressAnotherPodHasAreNotToBeAttached) {
  ASSERT_EQ(run("ip -n pod address add 10.32.0.1/12 dev eth0 && ip netns add new && "
                "ip link add vethwepl2 mtu 1376 master weave type veth peer name eth0 mtu 1376 "
                "netns new && ip link set vethwepl2 up && ip -n new link set eth0 up && "
                "ip -n new address add 10.32.0.1/12 dev eth0"),
            "");

  ASSERT_EQ(wrong().size(), 1u);
  EXPECT_EQ(wrong()[0].text,
            "pod's port is on no bridge, and the pod at vethwepl2 has its address 10.32.0.1: "
            "vethwepl1 of c1/eth0");
  EXPECT_EQ(wrong()[0].remedy, "make the pod again");
}

TEST_F(PodPortsTest, WhoseAddressThisNodeDoesNotOwnAreNotToBeAttached) {
  ASSERT_EQ(run("ip -n pod address add 10.32.0.1/12 dev eth0"), "");
  const std::string attach = "make the pod again, or: ip link set vethwepl1 master weave up";

  EXPECT_EQ(wrong().at(0).remedy, attach) << "nothing says who owns what";
  owned_ = {net::parse_cidr("10.32.0.0/13").value()};
  EXPECT_EQ(wrong().at(0).remedy, attach);

  owned_ = {net::parse_cidr("10.64.0.0/12").value()};
  EXPECT_EQ(wrong().at(0).remedy, attach) << "of a network that is not divided here";

  owned_ = {net::parse_cidr("10.40.0.0/13").value()};
  EXPECT_EQ(wrong().at(0).text,
            "pod's port is on no bridge, and its address 10.32.0.1 is another node's: vethwepl1 of "
            "c1/eth0");
  EXPECT_EQ(wrong().at(0).remedy, "make the pod again");
}

TEST_F(PodPortsTest, TheRoutersPortHasRoomForPodsThatKeptALargerMtu) {
  attach();
  ASSERT_EQ(run("ip tuntap add vethwe-tap mode tap"), "");
  auto bridge =
      LinuxBridge::open({"weave", net::Mac::from_value(0x020000000001), 1000, "vethwe-tap"});
  ASSERT_TRUE(bridge);

  ASSERT_TRUE(bridge->attach_port());

  EXPECT_EQ(bridge->port()->mtu, 1376u);
  EXPECT_EQ(bridge->link()->mtu, 1000u);
  EXPECT_TRUE(nl::delete_link(*socket_, link().index));
  ASSERT_TRUE(bridge->check());
  EXPECT_EQ(bridge->port()->mtu, 1000u);
}

}  // namespace
}  // namespace weft::bridge
